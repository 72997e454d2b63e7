"""Phase: every distinct source is read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfbench.backends.base import ProbeReport
from hfbench.model.metrics import Phase
from hfbench.model.plan import ProbedClip, ResolvedClip
from hfbench.model.result import ClipFailure

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.backends.base import Backend
    from hfbench.engine.frame_cache import FrameCache
    from hfbench.engine.phase_runner import PhaseRunner
    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that one or more clips show."""

    path: Path
    clips: tuple[ResolvedClip, ...]

    @property
    def clip_id(self) -> str:
        return self.clips[0].clip_id


def probe_clips(
    clips: tuple[ResolvedClip | ClipFailure, ...], backend: Backend, cache: FrameCache, runner: PhaseRunner
) -> tuple[ProbedClip | ClipFailure, ...]:
    """Probe each distinct source once, in parallel; a source that can't be read fails each of its clips."""
    probed: dict[str, ProbedClip | ClipFailure] = {}
    unknown: list[_Source] = []
    for source in _sources(clips):
        media = cache.probe_of(source.path)
        if media is None:
            unknown.append(source)
        else:
            probed |= _by_clip(source, media)

    def probe(source: _Source, control: Control) -> ProbeReport:
        return backend.probe(source.path, control)

    if unknown:
        with runner.unmeasured("loading FFmpeg's libraries"):
            backend.load_probe()
    with runner.timed(Phase.HDR_PROBE):
        attempts = runner.map("probe", probe, unknown)
    runner.split_probe_time([each.outcome for each in attempts if isinstance(each.outcome, ProbeReport)])
    for attempt in attempts:
        outcome = attempt.outcome
        if isinstance(outcome, ProbeReport):
            runner.count(outcome.work)
            cache.keep_probe(attempt.item.path, outcome)
        probed |= _by_clip(attempt.item, outcome.media if isinstance(outcome, ProbeReport) else outcome)
    return tuple(clip if isinstance(clip, ClipFailure) else probed[clip.clip_id] for clip in clips)


def _sources(clips: tuple[ResolvedClip | ClipFailure, ...]) -> list[_Source]:
    by_path: dict[Path, list[ResolvedClip]] = {}
    for clip in clips:
        if isinstance(clip, ResolvedClip):
            by_path.setdefault(clip.path, []).append(clip)
    return [_Source(path, tuple(sharing)) for path, sharing in by_path.items()]


def _by_clip(source: _Source, found: MediaInfo | ClipFailure) -> dict[str, ProbedClip | ClipFailure]:
    """What was found of a source, for each of its clips by id."""
    return {
        clip.clip_id: found.for_clip(clip.clip_id) if isinstance(found, ClipFailure) else ProbedClip(clip, found)
        for clip in source.clips
    }
