from __future__ import annotations

import base64
import enum
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from hfbench.cache import CacheKey, KeyValue, cache_key
from hfbench.cache.key import canonical_json

Plan = Mapping[str, KeyValue]
ALL = tuple(Phase)

rationals = st.fractions(min_value=0, max_value=10_000)
words = st.text(max_size=8)
steps = st.lists(
    st.fixed_dictionaries({"step": st.sampled_from(["map", "sample", "scale"]), "to": words, "peak": rationals}),
    max_size=3,
)
FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    "path": words,
    "mtime_ns": st.integers(0, 2**63),
    "size": st.integers(0, 2**50),
    "start": rationals,
    "end": st.one_of(st.none(), st.just(math.inf), rationals),
    "fps": st.fractions(min_value=1, max_value=1000),
    "format": st.sampled_from(["jpg", "png", "png16"]),
    "quality": st.integers(1, 100),
    "steps": steps,
    "backend": st.sampled_from(["libav", "ffmpeg"]),
    "versions": st.dictionaries(st.sampled_from(["av", "ffmpeg", "hfbench"]), words),
}
plans = st.fixed_dictionaries(dict(FIELDS))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.just(math.inf),
    st.fractions(),
    st.text(st.characters(exclude_categories=()), max_size=6),
    st.sampled_from(["=1/2", "1/2", "=", "==1/2", "null", "true", "1", "\ud800\udc00", "\U00010000", "\udcff"]),
)
values = st.recursive(
    scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(words, part, max_size=3), max_leaves=8
)


def meaning(value: Any) -> Any:  # noqa: PLR0911  one for each kind of value
    """What a value means, said without JSON: the oracle for "the same" and "another"."""
    if value is None or value == math.inf:
        return ("nothing",)
    if isinstance(value, bool):
        return ("truth", value)
    if isinstance(value, float):
        return ("number", Fraction(repr(value)))
    if isinstance(value, int | Fraction):
        return ("number", Fraction(value))
    if isinstance(value, str):
        return ("text", tuple(map(ord, value)))
    if isinstance(value, Mapping):
        return ("mapping", frozenset((name, meaning(part)) for name, part in value.items()))
    return ("sequence", tuple(map(meaning, value)))


def assert_any_change_changes_the_key(make_key: Callable[[Plan], object], phases: tuple[Phase, ...] = ALL) -> None:
    @settings(max_examples=200, database=None, phases=phases, suppress_health_check=list(HealthCheck))
    @given(plan=plans, field=st.sampled_from(sorted(FIELDS)), data=st.data())
    def check(plan: dict[str, KeyValue], field: str, data: st.DataObject) -> None:
        changed = {**plan, field: data.draw(FIELDS[field])}
        assume(meaning(changed[field]) != meaning(plan[field]))
        assert make_key(changed) != make_key(plan), field
        del changed[field]
        assert make_key(changed) != make_key(plan), field

    check()


def test_any_change_of_any_field_changes_the_key() -> None:
    assert_any_change_changes_the_key(cache_key)


def test_control_the_property_notices_a_key_without_the_quality() -> None:
    # HyperFrames' key: JPEG frames of another quality were served.
    with pytest.raises(AssertionError, match="quality"):
        assert_any_change_changes_the_key(
            lambda plan: cache_key({name: part for name, part in plan.items() if name != "quality"}),
            phases=(Phase.generate,),
        )


@given(one=values, other=values)
def test_keys_are_equal_exactly_for_the_same_meaning(one: KeyValue, other: KeyValue) -> None:
    same = meaning(one) == meaning(other)
    assert (cache_key({"value": one}) == cache_key({"value": other})) is same


@given(value=values)
def test_an_equal_copy_in_another_order_has_an_equal_key(value: KeyValue) -> None:
    def reordered(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {name: reordered(part[name]) for name in reversed(list(part))}
        return tuple(map(reordered, part)) if isinstance(part, list) else part

    assert cache_key({"value": reordered(value)}) == cache_key({"value": value})


CHILD = """
import base64, locale, pickle, sys
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
from hfbench.cache import cache_key
for line in sys.stdin:
    plan = pickle.loads(base64.b64decode(line))
    print(cache_key(plan).digest, hash("x"), flush=True)
"""


@pytest.fixture(scope="module")
def children(child_environment: dict[str, str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that answer with keys, each with another hash seed, locale and encoding."""
    worlds = [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu"},
        {"PYTHONHASHSEED": "3", "LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8", "PYTHONOPTIMIZE": "2"},
        {"PYTHONHASHSEED": "4", "LC_ALL": "tr_TR.UTF-8", "PYTHONDEVMODE": "1"},
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD],
            env={**child_environment, **world},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for world in worlds
    ]
    yield running
    for child in running:
        child.communicate(timeout=120)


def asked(child: subprocess.Popen[str], plan: Plan) -> list[str]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(base64.b64encode(pickle.dumps(plan)).decode() + "\n")
    child.stdin.flush()
    return child.stdout.readline().split()


def test_equal_plans_have_equal_keys_in_other_processes_and_locales(children: list[subprocess.Popen[str]]) -> None:
    @settings(max_examples=60)
    @given(plan=plans, value=values)
    def check(plan: dict[str, KeyValue], value: KeyValue) -> None:
        whole = {**plan, "value": value}
        answers = [asked(child, whole) for child in children]
        assert {digest for digest, _ in answers} == {cache_key(whole).digest}
        # The control: the processes do differ in what must not matter.
        assert len({salted for _, salted in answers}) == len(children)

    check()


def test_the_key_of_a_known_plan_stays_what_it_is() -> None:
    # Whoever changes this changes KEY_SCHEMA with it.
    plan: Plan = {"fps": Fraction(30000, 1001), "end": math.inf, "start": 1.5, "steps": [{"to": "pq"}], "path": "/a ü"}
    expected = '{"plan":{"end":null,"fps":"=30000/1001","path":"/a ü","start":"=3/2","steps":[{"to":"pq"}]},"schema":1}'
    assert canonical_json({"schema": 1, "plan": plan}).decode() == expected
    assert str(cache_key(plan)) == "4cd4834baa0dd12e"


def test_infinity_and_no_end_are_one_and_minus_one_is_another() -> None:
    assert cache_key({"end": math.inf}) == cache_key({"end": None}) != cache_key({"end": -1})


def test_one_number_has_one_key_in_every_spelling() -> None:
    class Code(enum.IntEnum):
        THIRTY = 30

    class Name(str, enum.Enum):  # noqa: UP042  the older kind, whose str() is "Name.JPG"
        JPG = "jpg"

    assert len({cache_key({"fps": fps}) for fps in (30, 30.0, Fraction(30), Code.THIRTY)}) == 1
    assert cache_key({"format": Name.JPG}) == cache_key({"format": "jpg"})
    assert cache_key({"flag": True}) != cache_key({"flag": 1})


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        cache_key({"start": bad})


@pytest.mark.parametrize(
    "bad",
    [b"bytes", {1, 2}, object(), {1: 2}, [{None: 1}], os],
    ids=["bytes", "set", "object", "number for a name", "None for a name", "module"],
)
def test_what_has_no_canonical_form_is_refused(bad: Any) -> None:
    with pytest.raises(TypeError, match="a key can't be made from"):
        cache_key({"field": bad})


def test_the_name_is_the_first_sixteen_digits() -> None:
    key = cache_key({})
    assert str(key) == key.short == key.digest[:16]
    for bad in ("", key.short, key.digest.upper(), key.digest + "0"):
        with pytest.raises(ValueError, match="not a SHA-256 digest"):
            CacheKey(bad)
