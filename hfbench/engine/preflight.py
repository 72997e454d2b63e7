"""Phase: sources that can't be used as they are become intermediates (scopes ``source`` and ``segment``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hfbench.backends.base import NormalizeReport
from hfbench.model.metrics import Phase
from hfbench.model.plan import ClipPlan, Normalize, Prepared, ReadyPlan
from hfbench.model.result import ClipFailure
from hfbench.pixels.intermediates import grid_in_intermediate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hfbench.backends.base import Backend
    from hfbench.engine.phase_runner import Stage
    from hfbench.engine.workfolder import WorkFolder
    from hfbench.model.cancellation import Control

_Key = tuple["Path", Normalize]
_Other = TypeVar("_Other")


def run_preflight(
    plans: tuple[_Other | ClipPlan, ...], backend: Backend, folder: WorkFolder, stage: Stage
) -> tuple[_Other | ClipFailure | Prepared, ...]:
    """Re-encode what plans ask for: colours first, then rates; what is no plan passes. Equal ones are done once."""
    reports: dict[_Key, NormalizeReport | ClipFailure] = {}
    with stage.timed(Phase.HDR_PREFLIGHT):
        colors = {plan.color for plan in plans if isinstance(plan, ClipPlan) and plan.color is not None}
        if colors:
            backend.prepare(colors)
    for phase, has_color in ((Phase.HDR_PREFLIGHT, True), (Phase.VFR_PREFLIGHT, False)):
        with stage.timed(phase):
            reports |= _normalize_all(plans, backend, folder, stage, has_color=has_color)
    return tuple(_prepared(plan, reports) if isinstance(plan, ClipPlan) else plan for plan in plans)


def _normalize_all(
    plans: tuple[_Other | ClipPlan, ...], backend: Backend, folder: WorkFolder, stage: Stage, *, has_color: bool
) -> dict[_Key, NormalizeReport | ClipFailure]:
    distinct: dict[_Key, ClipPlan] = {}
    for plan in plans:
        if isinstance(plan, ClipPlan) and plan.normalize and (plan.normalize.color is not None) == has_color:
            distinct.setdefault((plan.media.path, plan.normalize), plan)
    parent = folder.new_folder("colour" if has_color else "rate") if distinct else folder.path

    def normalize(numbered: tuple[int, ClipPlan], control: Control) -> NormalizeReport:
        number, plan = numbered
        return backend.normalize(plan, parent / f"{number:05d}", control)

    ids = [plan.clip.id for plan in distinct.values()]
    found = stage.map("preflight", normalize, list(enumerate(distinct.values())), ids)
    for report in found:
        if isinstance(report, NormalizeReport):
            stage.count(report.work)
    return dict(zip(distinct, found, strict=True))


def _prepared(plan: ClipPlan, reports: Mapping[_Key, NormalizeReport | ClipFailure]) -> Prepared | ClipFailure:
    if plan.normalize is None:
        return Prepared(ReadyPlan(plan, plan.media, plan.grid, plan.color))
    report = reports[plan.media.path, plan.normalize]
    if isinstance(report, ClipFailure):
        return ClipFailure(plan.clip.id, report.kind, report.message, report.diagnostic)
    ready = ReadyPlan(plan, report.intermediate.media, grid_in_intermediate(plan), None)
    return Prepared(ready, report.warnings)
