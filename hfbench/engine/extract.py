"""The engine: a composition in, frames and a phase breakdown out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench.backends import create_backend
from hfbench.cache import IdentityKind
from hfbench.engine.frame_cache import CachedClip, FrameCache, identify_software, no_cache, open_cache
from hfbench.engine.phase_runner import PhaseRunner, Progress, no_progress
from hfbench.engine.plan import plan_clips
from hfbench.engine.preflight import run_preflight
from hfbench.engine.probe import probe_clips
from hfbench.engine.profiling import memory_watched
from hfbench.engine.publish import publish_clips
from hfbench.engine.resolve import resolve_clips
from hfbench.engine.workfolder import WorkFolder, refuse_foreign_folders
from hfbench.engine.write_frames import write_frames
from hfbench.model.cancellation import CancelToken, Control
from hfbench.model.metrics import Phase
from hfbench.model.options import ExtractOptions
from hfbench.model.plan import ClipPlan, Pixels
from hfbench.model.result import ClipWarning, ExtractionResult
from hfbench.pixels.kernels.loading import why_not

if TYPE_CHECKING:
    from hfbench.backends.base import Backend
    from hfbench.composition import Composition
    from hfbench.model.profile import ProfileRecorder


def extract(
    composition: Composition,
    out_dir: str | Path,
    options: ExtractOptions | None = None,
    *,
    token: CancelToken | None = None,
    progress: Progress = no_progress,
    recorder: ProfileRecorder | None = None,
) -> ExtractionResult:
    """Extract the frames of every clip of a composition.

    Frames of a clip are written to ``out_dir/<clip id>/frame_00001.jpg`` and so on. They are made in a fresh folder
    and renamed into place, so that frames of an earlier run are replaced and never counted.

    Args:
        composition: what to extract; never changed.
        out_dir: a folder; made where it does not exist.
        options: see :class:`~hfbench.model.options.ExtractOptions`.
        token: cancels the run from another thread or a signal handler.
        progress: called with the progress of each phase.
        recorder: takes a profile of the work; the result then holds it.

    Returns:
        One outcome per clip, in the composition's order, and the phase breakdown. A clip that fails is a
        :class:`~hfbench.model.result.ClipFailure` in its place and does not affect the others.

    Raises:
        OutputError: the output folder can't be written, or holds a file that is not a frame.
        MachineError: the machine lacks something (the ffmpeg program for ``backend="ffmpeg"``).
    """
    options = with_usable_pixels(options or ExtractOptions())
    output = Path(out_dir).absolute()
    refuse_foreign_folders(output, tuple(clip.id for clip in composition.clips))
    backend = create_backend(options.backend, options.worker_count)
    control = Control(token or CancelToken(), options.clip_limit_seconds, recorder=recorder)
    folder = WorkFolder(output)
    try:
        with (
            ThreadPoolExecutor(options.worker_count, thread_name_prefix="hfbench-clip") as executor,
            memory_watched(recorder),
        ):
            result = _run(composition, options, backend, folder, PhaseRunner(executor, control, progress))
            return result if recorder is None else replace(result, profile=recorder.finish(result.breakdown.cpu_ms))
    finally:
        backend.close()
        folder.close()


def _run(
    composition: Composition, options: ExtractOptions, backend: Backend, folder: WorkFolder, runner: PhaseRunner
) -> ExtractionResult:
    """The phases, in order."""
    cache, notes = _cache(options, backend, runner)
    resolved = resolve_clips(composition, options, folder, runner)
    probed = probe_clips(resolved, backend, cache, runner)
    wanted = cache.look_up(plan_clips(probed, composition, options))
    with runner.unmeasured("compiling colour kernels, once per machine") as announce:
        backend.load([each for each in wanted if isinstance(each, ClipPlan)], announce)
    prepared = run_preflight(wanted, backend, folder, runner)
    with runner.timed(Phase.EXTRACT):
        written = write_frames(prepared, backend, folder, runner)
    tmp_bytes = folder.measure()
    published = publish_clips(written, options, cache, folder)
    breakdown = runner.breakdown(
        color_mapped=sum(isinstance(plan, ClipPlan) and plan.color is not None for plan in wanted),
        regularized=sum(isinstance(plan, ClipPlan) and plan.is_regularized and not plan.color for plan in wanted),
        cache_hits=sum(isinstance(each, CachedClip) for each in wanted),
        cache_misses=sum(isinstance(each, ClipPlan) for each in wanted) if options.cache else 0,
        tmp_bytes=tmp_bytes,
    )
    cache.close()
    notes = (*notes, *_pixel_notes(options), *_composition_notes(composition))
    return ExtractionResult(published.outcomes, breakdown, notes, published.leases)


def _cache(
    options: ExtractOptions, backend: Backend, runner: PhaseRunner
) -> tuple[FrameCache, tuple[ClipWarning, ...]]:
    if options.cache is None:
        return no_cache(), ()
    with runner.unmeasured("looking up versions"):
        software = identify_software(backend.name)
    return open_cache(options.cache, IdentityKind(options.cache_identity), software)


def with_usable_pixels(options: ExtractOptions) -> ExtractOptions:
    """The options with libavfilter where the kernels can't be used: cached frames of the two are not the same."""
    if options.backend == "libav" and not why_not():
        return options
    return replace(options, pixels=Pixels.LIBAVFILTER)


def _pixel_notes(options: ExtractOptions) -> tuple[ClipWarning, ...]:
    if options.backend != "libav" or not why_not():
        return ()
    message = f"{why_not()}: pixels are converted by libavfilter, several times slower; pip install numba"
    return (ClipWarning("no_kernels", message),)


def _composition_notes(composition: Composition) -> tuple[ClipWarning, ...]:
    return tuple(ClipWarning(note.kind.value, note.message) for note in composition.notes)
