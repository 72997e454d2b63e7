"""Phase: sources that can't be used as they are become intermediates (scopes ``source`` and ``segment``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hfbench.backends.base import NormalizeReport
from hfbench.model.metrics import Phase
from hfbench.model.plan import ClipPlan, Normalize, PreparedClip
from hfbench.model.result import ClipFailure
from hfbench.pixels.intermediates import grid_in_intermediate

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.backends.base import Backend
    from hfbench.engine.frame_cache import CachedClip, Wanted
    from hfbench.engine.phase_runner import PhaseRunner
    from hfbench.engine.plan import NeverShown
    from hfbench.engine.workfolder import WorkFolder
    from hfbench.model.cancellation import Control

#: A clip after the preflight: frames of prepared clips are still to be written.
Prepared: TypeAlias = "PreparedClip | CachedClip | NeverShown | ClipFailure"


@dataclass(frozen=True, slots=True)
class _Encode:
    """One re-encode, to a file with the stem ``into``, for all plans that need the same one."""

    plans: tuple[ClipPlan, ...]
    into: Path

    @property
    def clip_id(self) -> str:
        return self.plans[0].clip_id


def run_preflight(
    plans: tuple[Wanted, ...], backend: Backend, folder: WorkFolder, runner: PhaseRunner
) -> tuple[Prepared, ...]:
    """Re-encode what plans ask for, equal ones once: colours first, then rates. Other outcomes are passed on."""
    with runner.timed(Phase.HDR_PREFLIGHT):
        colored = [plan for plan in plans if isinstance(plan, ClipPlan) and plan.color is not None]
        if colored:
            backend.prepare(colored)
    wanted = [plan for plan in plans if isinstance(plan, ClipPlan)]
    prepared: dict[str, PreparedClip | ClipFailure] = {
        plan.clip_id: PreparedClip(plan, plan.media, plan.grid, plan.color) for plan in wanted if not plan.normalize
    }
    with runner.timed(Phase.HDR_PREFLIGHT):
        prepared |= _normalize(_encodes(wanted, folder, "colour", has_color=True), backend, runner)
    with runner.timed(Phase.VFR_PREFLIGHT):
        prepared |= _normalize(_encodes(wanted, folder, "rate", has_color=False), backend, runner)
    return tuple(prepared[plan.clip_id] if isinstance(plan, ClipPlan) else plan for plan in plans)


def _encodes(plans: list[ClipPlan], folder: WorkFolder, name: str, *, has_color: bool) -> list[_Encode]:
    """The distinct re-encodes of one kind, in the order of their first clips."""
    equal: dict[tuple[Path, Normalize], list[ClipPlan]] = {}
    for plan in plans:
        if plan.normalize and (plan.normalize.color is not None) == has_color:
            equal.setdefault((plan.media.path, plan.normalize), []).append(plan)
    if not equal:
        return []
    parent = folder.new_folder(name)
    return [_Encode(tuple(each), parent / f"{number:05d}") for number, each in enumerate(equal.values())]


def _normalize(encodes: list[_Encode], backend: Backend, runner: PhaseRunner) -> dict[str, PreparedClip | ClipFailure]:
    """Run the re-encodes; the outcome of each clip by its id."""

    def normalize(encode: _Encode, control: Control) -> NormalizeReport:
        return backend.normalize(encode.plans[0], encode.into, control)

    prepared: dict[str, PreparedClip | ClipFailure] = {}
    for attempt in runner.map("preflight", normalize, encodes):
        if isinstance(attempt.outcome, NormalizeReport):
            runner.count(attempt.outcome.work)
        prepared |= {plan.clip_id: _prepared(plan, attempt.outcome) for plan in attempt.item.plans}
    return prepared


def _prepared(plan: ClipPlan, report: NormalizeReport | ClipFailure) -> PreparedClip | ClipFailure:
    if isinstance(report, ClipFailure):
        return report.for_clip(plan.clip_id)
    return PreparedClip(plan, report.intermediate.media, grid_in_intermediate(plan), None, report.warnings)
