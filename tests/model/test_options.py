"""Options: checked once, frozen after, and every refusal names the option, the value and what is allowed."""

from __future__ import annotations

import math
import pickle
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import pytest

from hfbench.errors import HfbenchError, OptionsError, UsageError
from hfbench.model.options import ExtractOptions, available_cores
from hfbench.model.plan import ImageFormat, Scope, SdrMapping


def test_defaults():
    options = ExtractOptions()
    assert (options.backend, options.scope, options.format, options.quality) == ("libav", Scope.FUSED, None, 95)
    assert options.clip_limit_seconds == 300
    assert not (options.strict or options.confined or options.allow_http or options.allow_private_addresses)
    assert options.worker_count == available_cores() >= 1
    assert ExtractOptions(workers=3).worker_count == 3


@pytest.mark.parametrize("scope", list(Scope))
def test_choices_by_name_or_by_value(scope):
    assert ExtractOptions(scope=scope).scope is scope
    assert ExtractOptions(scope=scope.value).scope is scope


@pytest.mark.parametrize(
    ("asked", "kept"), [("auto", None), (None, None), ("jpg", ImageFormat.JPG), (ImageFormat.PNG16, ImageFormat.PNG16)]
)
def test_format(asked, kept):
    assert ExtractOptions(format=asked).format is kept


@pytest.mark.parametrize("mapping", ["gamut", "bt2408", SdrMapping.GAMUT])
def test_mapping(mapping):
    assert ExtractOptions(sdr_mapping=mapping).sdr_mapping is SdrMapping(mapping)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *(("backend", value, "libav, ffmpeg") for value in ("LIBAV", "", None, "ffprobe", ["libav"], 1)),
        *(("scope", value, "source, segment, fused") for value in ("all", None, 3, "Fused", [], {})),
        *(("format", value, "auto, jpg, png, png16") for value in ("webp", "JPG", ".png", 16, b"jpg", [])),
        *(("sdr_mapping", value, "bt2408, gamut") for value in ("right", None, True)),
        *(("quality", value, "1 to 100") for value in (0, 101, -1, 95.0, True, "95", None, math.nan)),
        *(("workers", value, "whole number") for value in (-1, 1.5, True, "2", None)),
        *(("clip_limit_seconds", value, "above 0") for value in (0, -1, math.nan, math.inf, -math.inf)),
        *(("clip_limit_seconds", value, "above 0") for value in ("30", None, True, 1j)),
        *((flag, "no", "") for flag in ("strict", "confined", "allow_http", "allow_private_addresses")),
        ("sdr_white", math.nan, "1 to 10000"),
        ("sdr_white", "203", "1 to 10000"),
        ("cache", 7, ""),
    ],
)
def test_what_is_not_allowed_is_one_clear_line(name, value, allowed):
    with pytest.raises(OptionsError) as caught:
        ExtractOptions(**{name: value})
    message = caught.value.message
    assert message.startswith(f"{name}: ")
    assert repr(value) in message
    assert allowed in message
    assert "\n" not in message
    assert isinstance(caught.value, UsageError | HfbenchError)


@pytest.mark.parametrize("seconds", [1, 0.5, Fraction(1, 3), 1e9])
def test_any_finite_time_limit_above_nothing(seconds):
    assert ExtractOptions(clip_limit_seconds=seconds).clip_limit_seconds == seconds


def test_frozen_equal_hashable_and_picklable():
    options = ExtractOptions(backend="ffmpeg", scope="segment", format="png", quality=80)
    with pytest.raises(FrozenInstanceError):
        options.quality = 1
    assert pickle.loads(pickle.dumps(options)) == options
    assert hash(replace(options)) == hash(options)
    with pytest.raises(OptionsError):
        replace(options, quality=0)
