"""What ``hfbench compare`` measures: any number of engines on the same cases, in interleaved rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.bench.machine import load
from hfbench.bench.measure.external import Engines, StartEngine, Work
from hfbench.bench.measure.run_root import open_run_root
from hfbench.bench.measure.schedule import Group, Participant, Schedule, Step, results
from hfbench.bench.protocol.client import EngineProcess, EngineSpec
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hfbench.bench.record import RunRecord
    from hfbench.bench.record_writer import RecordWriter


def measure_engines(
    specs: Sequence[EngineSpec],
    work: Work,
    schedule: Schedule,
    *,
    writer: RecordWriter,
    on_step: Callable[[Step], None] = lambda _: None,
    start: StartEngine = EngineProcess,
) -> RunRecord:
    """Run every engine on every case once per round, in random (seeded) order, after one uncounted warm-up of each.

    Raises:
        EngineError: an engine did not answer as it should; what was measured until then is in the writer's record.
        UsageError: fewer than two engines, two with one name, or no case.
    """
    by_name = {spec.name: spec for spec in specs}
    if len(by_name) < max(len(specs), 2) or not work.cases:
        raise UsageError("a comparison needs at least two engines with different names, and a scenario")
    with open_run_root() as root, Engines(by_name, work, root, start=start) as engines:
        groups = [Group(tuple(Participant(engines.subject(name), case) for name in by_name)) for case in work.cases]
        for outcomes in results(groups, schedule, start=engines.restart, on_step=on_step):
            for each in outcomes:
                writer.add(each.sample, engines=each.engines)
    return writer.finish(load_after=load())
