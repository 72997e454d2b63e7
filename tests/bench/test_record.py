from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from hfbench.bench.record import Sample
from hfbench.errors import RecordError

MakeSamples = Callable[..., tuple[Sample, ...]]


@pytest.mark.parametrize("value", [math.nan, math.inf, "12", True])
def test_a_metric_is_a_finite_number(make_samples: MakeSamples, value: object) -> None:
    with pytest.raises(RecordError, match="framesDecoded"):
        make_samples([1.0], framesDecoded=value)
