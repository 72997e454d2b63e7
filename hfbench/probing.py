"""Phase: every distinct source is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.backends.base import ProbeReport
from hfbench.metrics import Phase
from hfbench.plan import ProbedClip, ResolvedClip
from hfbench.result import ClipFailure

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.backends.base import Backend
    from hfbench.stage import Stage


def probe_clips(
    clips: tuple[ResolvedClip | ClipFailure, ...], backend: Backend, stage: Stage
) -> tuple[ProbedClip | ClipFailure, ...]:
    """Probe each distinct source once, side by side; clips of one bad source each get their own failure."""
    sources = {clip.path: clip.clip.id for clip in clips if isinstance(clip, ResolvedClip)}
    with stage.timed(Phase.HDR_PROBE):
        found = stage.map("probe", backend.probe, list(sources), list(sources.values()))
    reports = [each for each in found if isinstance(each, ProbeReport)]
    stage.split_probe_time(reports)
    for report in reports:
        stage.count(report.work)
    by_path = dict(zip(sources, found, strict=True))
    return tuple(_probed(clip, by_path) for clip in clips)


def _probed(
    clip: ResolvedClip | ClipFailure, by_path: dict[Path, ProbeReport | ClipFailure]
) -> ProbedClip | ClipFailure:
    if isinstance(clip, ClipFailure):
        return clip
    report = by_path[clip.path]
    if isinstance(report, ClipFailure):
        return ClipFailure(clip.clip.id, report.kind, report.message, report.diagnostic)
    return ProbedClip(clip, report.media)
