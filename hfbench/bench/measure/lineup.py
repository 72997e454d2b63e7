"""Any number of engines on the same work, side by side: interleaved rounds, then each against the first."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hfbench.bench.judge.comparability import side_of
from hfbench.bench.judge.compare import Comparison, Pairing, Terms, compare
from hfbench.bench.machine import load
from hfbench.bench.measure.rig import Rig, StartEngine, Work
from hfbench.bench.protocol.client import RUN_SECONDS, EngineProcess, EngineSpec
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hfbench.bench.record import RecordWriter, RunRecord

_LEAST_ENGINES = 2


def measure_lineup(
    specs: Sequence[EngineSpec],
    work: Sequence[Work],
    *,
    rounds: int,
    writer: RecordWriter,
    tell: Callable[[str], None],
    seed: int = 0,
    limit_seconds: float = RUN_SECONDS,
    start: StartEngine = EngineProcess,
) -> RunRecord:
    """Run every engine on every piece of work once a round, in random (seeded) order, after one uncounted warm-up.

    Raises:
        EngineError: an engine did not answer as it should; what was measured until then is in the writer's record.
        UsageError: fewer than two engines, two with one name, no work, or no rounds.
    """
    seats = {spec.name: spec for spec in specs}
    if len(seats) < max(len(specs), _LEAST_ENGINES) or not work or rounds < 1:
        raise UsageError("a line-up needs at least two engines with different names, a scenario, and one round")
    order = random.Random(seed)  # noqa: S311  an order of runs, no secret
    with Rig(seats, start=start, limit_seconds=limit_seconds) as rig:
        tell("warming up")
        rig.restart(work)
        for number in range(1, rounds + 1):
            tell(f"round {number} of {rounds}")
            for each in order.sample(work, len(work)):
                for seat in order.sample(list(seats), len(seats)):
                    writer.add(rig.measure(seat, each, number=number), engines=rig.facts())
    return writer.finish(load_after=load())


def compare_lineup(record: RunRecord, names: Sequence[str], terms: Terms) -> tuple[Comparison, ...]:
    """Each engine against the first of ``names``, judged with one look: the number of rounds was fixed beforehand.

    ``terms.across`` says in what they differ on purpose.

    Raises:
        UsageError: a name is not in the record.
    """
    fixed = Terms(times=terms.times, budgets=terms.budgets, pairing=Pairing.FIXED, across=terms.across)
    first, *others = (side_of(record, name, engine=name) for name in names)
    return tuple(compare(first, other, fixed) for other in others)
