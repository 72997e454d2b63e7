"""Phase: every distinct source is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.backends.base import ProbeReport
from hfbench.model.metrics import Phase
from hfbench.model.plan import ProbedClip, ResolvedClip
from hfbench.model.result import ClipFailure

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.backends.base import Backend
    from hfbench.engine.frame_cache import FrameCache
    from hfbench.engine.phase_runner import Stage
    from hfbench.model.media import MediaInfo


def probe_clips(
    clips: tuple[ResolvedClip | ClipFailure, ...], backend: Backend, cache: FrameCache, stage: Stage
) -> tuple[ProbedClip | ClipFailure, ...]:
    """Probe each distinct source once, side by side; clips of one bad source each get their own failure."""
    paths = {clip.path: clip.clip.id for clip in clips if isinstance(clip, ResolvedClip)}
    known = {path: cache.probe_of(path) for path in paths}
    sources = {path: clip_id for path, clip_id in paths.items() if known[path] is None}
    with stage.timed(Phase.HDR_PROBE):
        found = stage.map("probe", backend.probe, list(sources), list(sources.values()))
    reports = [each for each in found if isinstance(each, ProbeReport)]
    stage.split_probe_time(reports)
    for report in reports:
        stage.count(report.work)
    by_path: dict[Path, MediaInfo | ClipFailure] = {path: media for path, media in known.items() if media is not None}
    for path, outcome in zip(sources, found, strict=True):
        if isinstance(outcome, ProbeReport):
            cache.keep_probe(path, outcome)
        by_path[path] = outcome.media if isinstance(outcome, ProbeReport) else outcome
    return tuple(_probed(clip, by_path) for clip in clips)


def _probed(clip: ResolvedClip | ClipFailure, by_path: dict[Path, MediaInfo | ClipFailure]) -> ProbedClip | ClipFailure:
    if isinstance(clip, ClipFailure):
        return clip
    found = by_path[clip.path]
    if isinstance(found, ClipFailure):
        return ClipFailure(clip.clip.id, found.kind, found.message, found.diagnostic)
    return ProbedClip(clip, found)
