"""The built-in backends, measured in this process; their frames are read back and compared with the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from hfbench.bench.frame_check import check_frames
from hfbench.bench.measure.schedule import RunOutcome
from hfbench.bench.record import Sample
from hfbench.engine.extract import extract
from hfbench.errors import MeasurementError
from hfbench.model.plan import ImageFormat, Scope

if TYPE_CHECKING:
    from hfbench.bench.case import Case
    from hfbench.bench.measure.run_root import RunRoot
    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.model.cancellation import CancelToken
    from hfbench.model.options import ExtractOptions
    from hfbench.model.result import ExtractionResult

_Seen = TypeVar("_Seen")
#: Called after each extraction, including failed ones.
OnExtracted = Callable[["ExtractionResult", "ExtractOptions"], None]


@dataclass(frozen=True, slots=True, eq=False)  # hashed by identity: the schedule keeps warm-ups by subject
class InProcess:
    """A :class:`~hfbench.bench.measure.schedule.Subject`: every built-in backend.

    Attributes:
        scenarios: what is extracted, by name.
        options: everything that is not an axis.
        root: where the frames are while they are measured.
        on_extracted: called after each counted extraction, when its clock has stopped.
    """

    scenarios: Mapping[str, BuiltScenario]
    options: ExtractOptions
    token: CancelToken
    root: RunRoot
    on_extracted: OnExtracted = lambda *_: None

    def warm_up(self, case: Case) -> Sample:
        """Run once, uncounted.

        Raises:
            MeasurementError: the run failed, or was cancelled.
        """
        return self._extract(case, lambda *_: None, lambda result: _sample(case, result))

    def run(self, case: Case, *, is_checked: bool) -> RunOutcome:
        """One counted run.

        Raises:
            MeasurementError: the run failed, or was cancelled.
        """

        def outcome(result: ExtractionResult) -> RunOutcome:
            images = {clip.clip_id: [clip.path_of(n) for n in range(clip.frames)] for clip in result.clips}
            check = check_frames(self.scenarios[case.scenario], images) if is_checked else None
            return RunOutcome(_sample(case, result), check)

        return self._extract(case, self.on_extracted, outcome)

    def _extract(self, case: Case, on_extracted: OnExtracted, look: Callable[[ExtractionResult], _Seen]) -> _Seen:
        """One extraction into a folder of its own; ``look`` is given the frames before they are removed."""
        chosen = replace(self.options, backend=case.backend, scope=Scope(case.scope), format=ImageFormat(case.format))
        with self.root.folder("out-") as out:
            result = extract(self.scenarios[case.scenario].composition, out, chosen, token=self.token)
            on_extracted(result, chosen)
            if not result.success:
                failure = result.failures[0]
                raise MeasurementError(
                    f"{case}: clip {failure.clip_id!r} failed ({failure.kind.value}): {failure.message}",
                    diagnostic=failure.diagnostic,
                )
            return look(result)


def _sample(case: Case, result: ExtractionResult) -> Sample:
    frames = {clip.clip_id: clip.frames for clip in result.clips}
    return Sample(
        scenario=case.scenario,
        backend=case.backend,
        scope=case.scope,
        format=case.format,
        cache=case.cache,
        round=0,
        metrics=result.breakdown.to_json(),
        engine=case.engine,
        frames=frames,
        files=sum(frames.values()),
        pixels=" ".join(sorted({clip.pixels for clip in result.clips if clip.pixels})),
    )
