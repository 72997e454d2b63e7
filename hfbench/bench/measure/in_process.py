"""The built-in backends, measured in this process; their frames are read back and held against the truth."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench.bench.frame_check import FrameCheck, check_frames
from hfbench.bench.measure.ways import Taken, Way
from hfbench.bench.record import Sample
from hfbench.engine.extract import extract
from hfbench.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.model.cancellation import CancelToken
    from hfbench.model.options import ExtractOptions
    from hfbench.model.result import ExtractionResult


@dataclass(frozen=True, slots=True)
class InProcessTurn:
    """A :class:`~hfbench.bench.measure.ways.Turn` of a built-in backend.

    Attributes:
        options: everything that is not an axis.
        tell: hears of each counted extraction, one that failed too, after its clock has stopped.
    """

    way: Way
    options: ExtractOptions
    token: CancelToken
    tell: Callable[[ExtractionResult, ExtractOptions], None]

    def warm_up(self, built: BuiltScenario) -> None:
        """Run once, uncounted."""
        self._extract(built)

    def run(self, built: BuiltScenario, number: int) -> Taken:
        """One counted run; in the first round its frames are read, after the clock has stopped.

        Raises:
            MeasurementError: the run failed, or was cancelled.
        """
        result, check = self._extract(built, look=check_frames if number == 1 else None, tell=self.tell)
        return Taken(self._sample(built, number, result), check, {})

    def _extract(
        self,
        built: BuiltScenario,
        *,
        look: Callable[[BuiltScenario, ExtractionResult], FrameCheck] | None = None,
        tell: Callable[[ExtractionResult, ExtractOptions], None] = lambda *_: None,
    ) -> tuple[ExtractionResult, FrameCheck | None]:
        """One extraction into a folder of its own; ``look`` sees the frames before they are gone."""
        chosen = replace(self.options, backend=self.way.backend, scope=self.way.scope, format=self.way.format)
        out = Path(tempfile.mkdtemp(prefix="hfbench-run-"))
        try:
            result = extract(built.composition, out, chosen, token=self.token)
            tell(result, chosen)
            if not result.success:
                failure = result.failures[0]
                where = f"{built.scenario.name}, {self.way}: clip {failure.clip_id!r}"
                raise MeasurementError(
                    f"{where} failed ({failure.kind.value}): {failure.message}", diagnostic=failure.diagnostic
                )
            return result, look(built, result) if look is not None else None
        finally:
            shutil.rmtree(out, ignore_errors=True)

    def _sample(self, built: BuiltScenario, number: int, result: ExtractionResult) -> Sample:
        frames = {clip.clip_id: clip.frames for clip in result.clips}
        return Sample(
            scenario=built.scenario.name,
            backend=self.way.backend,
            scope=self.way.scope.value,
            format=self.way.format.value,
            round=number,
            metrics=result.breakdown.to_json(),
            engine=self.way.engine,
            frames=frames,
            files=sum(frames.values()),
        )
