from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hfbench.bench.case import Case
from hfbench.bench.judge.comparability import case_of, side_of
from hfbench.bench.record import RunRecord, Sample
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_part_of_a_record(make_samples: Callable[..., tuple[Sample, ...]]) -> None:
    record = RunRecord(samples=make_samples([1.0], role="baseline") + make_samples([2.0], role="contender"))
    side = side_of(record, "new", role="contender")
    assert [sample.metrics["cpuMs"] for sample in side.samples] == [2.0]
    assert case_of(side.samples[0]) == Case("demo", "libav", "segment", "jpg", engine="*")
    assert len(side_of(record, "all").samples) == 2
    with pytest.raises(UsageError, match="no sample with role=canary"):
        side_of(record, "it", role="canary")
