"""The engine: a composition in, frames and a phase breakdown out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench.backends import create_backend
from hfbench.cache import IdentityKind
from hfbench.engine.frame_cache import CachedClip, open_cache
from hfbench.engine.phase_runner import Progress, Stage, no_progress
from hfbench.engine.plan import Planned, composition_target, plan_clip
from hfbench.engine.preflight import run_preflight
from hfbench.engine.probe import probe_clips
from hfbench.engine.publish import publish_clips
from hfbench.engine.resolve import resolve_clips
from hfbench.engine.workfolder import WorkFolder, refuse_foreign_folders
from hfbench.engine.write_frames import write_frames
from hfbench.model.cancellation import CancelToken, Control
from hfbench.model.metrics import Phase
from hfbench.model.options import ExtractOptions
from hfbench.model.plan import ClipPlan
from hfbench.model.result import ClipFailure, ClipWarning, ExtractionResult

if TYPE_CHECKING:
    from hfbench.backends.base import Backend
    from hfbench.composition import Composition
    from hfbench.model.plan import ProbedClip


def extract(
    composition: Composition,
    out_dir: str | Path,
    options: ExtractOptions | None = None,
    *,
    token: CancelToken | None = None,
    progress: Progress = no_progress,
) -> ExtractionResult:
    """Extract the frames of every clip of a composition.

    Frames of a clip are written to ``out_dir/<clip id>/frame_00001.jpg`` and so on. They are made in a fresh folder
    and renamed into place, so that frames of an earlier run are replaced and never counted.

    Args:
        composition: what to extract; never changed.
        out_dir: a folder; made where it does not exist.
        options: see :class:`~hfbench.model.options.ExtractOptions`.
        token: cancels the run from another thread or a signal handler.
        progress: told how far each phase is.

    Returns:
        One outcome a clip, in the composition's order, and the phase breakdown. A clip's trouble is a
        :class:`~hfbench.model.result.ClipFailure` in its place and hurts no other clip.

    Raises:
        OutputError: the output folder can't be written, or holds something that is no frame.
        MachineError: the machine lacks something (the ffmpeg program for ``backend="ffmpeg"``).
    """
    options = options or ExtractOptions()
    output = Path(out_dir).absolute()
    refuse_foreign_folders(output, tuple(clip.id for clip in composition.clips))
    backend = create_backend(options.backend, options.worker_count)
    control = Control(token or CancelToken(), options.clip_limit_seconds)
    folder = WorkFolder(output)
    try:
        with ThreadPoolExecutor(options.worker_count, thread_name_prefix="hfbench-clip") as executor:
            return _run(composition, options, backend, folder, Stage(executor, control, progress))
    finally:
        backend.close()
        folder.close()


def _run(
    composition: Composition, options: ExtractOptions, backend: Backend, folder: WorkFolder, stage: Stage
) -> ExtractionResult:
    """The phases, in order."""
    cache, notes = open_cache(options.cache, IdentityKind(options.cache_identity), backend.name)
    resolved = resolve_clips(composition, options, folder, stage)
    probed = probe_clips(resolved, backend, cache, stage)
    plans = _plan(composition, options, probed)
    wanted = cache.look_up(plans)
    prepared = run_preflight(wanted, backend, folder, stage)
    with stage.timed(Phase.EXTRACT):
        written = write_frames(prepared, backend, folder, stage)
    tmp_bytes = folder.measure()
    published = publish_clips(written, options, cache, folder)
    breakdown = stage.breakdown(
        color_mapped=sum(isinstance(plan, ClipPlan) and plan.color is not None for plan in wanted),
        regularized=sum(isinstance(plan, ClipPlan) and plan.is_regularized and not plan.color for plan in wanted),
        cache_hits=sum(isinstance(each, CachedClip) for each in wanted),
        cache_misses=sum(isinstance(each, ClipPlan) for each in wanted) if options.cache else 0,
        tmp_bytes=tmp_bytes,
    )
    cache.close()
    return ExtractionResult(published.outcomes, breakdown, (*notes, *_composition_notes(composition)), published.leases)


def _plan(
    composition: Composition, options: ExtractOptions, probed: tuple[ProbedClip | ClipFailure, ...]
) -> tuple[Planned, ...]:
    target = composition_target(tuple(each for each in probed if not isinstance(each, ClipFailure)))
    return tuple(
        each
        if isinstance(each, ClipFailure)
        else plan_clip(each, fps=composition.fps, timeline_end=composition.timeline_end, target=target, options=options)
        for each in probed
    )


def _composition_notes(composition: Composition) -> tuple[ClipWarning, ...]:
    return tuple(ClipWarning(note.kind.value, note.message) for note in composition.notes)
