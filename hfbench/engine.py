"""The engine: a composition in, frames and a phase breakdown out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench.backends import create_backend
from hfbench.control import CancelToken, Control
from hfbench.extraction import Written, write_frames
from hfbench.metrics import Phase
from hfbench.options import ExtractOptions
from hfbench.plan import ClipPlan
from hfbench.planning import NeverShown, Planned, composition_target, plan_clip
from hfbench.preflight import run_preflight
from hfbench.probing import probe_clips
from hfbench.resolving import resolve_clips
from hfbench.result import ClipFailure, ClipWarning, ExtractedClip, ExtractionResult, FailureKind, Placement
from hfbench.stage import Progress, Stage, no_progress
from hfbench.workfolder import WorkFolder, refuse_foreign_folders

if TYPE_CHECKING:
    from hfbench.backends.base import Backend
    from hfbench.composition import Composition
    from hfbench.plan import Prepared, ProbedClip

_STRICT_KINDS = {kind.value for kind in (FailureKind.SOURCE_DAMAGED, FailureKind.SHORTER_THAN_REQUESTED)}


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
        options: see :class:`~hfbench.options.ExtractOptions`.
        token: cancels the run from another thread or a signal handler.
        progress: told how far each phase is.

    Returns:
        One outcome a clip, in the composition's order, and the phase breakdown. A clip's trouble is a
        :class:`~hfbench.result.ClipFailure` in its place and hurts no other clip.

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
    resolved = resolve_clips(composition, options, folder, stage)
    probed = probe_clips(resolved, backend, stage)
    plans = _plan(composition, options, probed)
    prepared = run_preflight(plans, backend, folder, stage)
    with stage.timed(Phase.EXTRACT):
        written = write_frames(prepared, backend, folder, stage)
    tmp_bytes = folder.measure()
    outcomes = tuple(_publish(each, options, folder, number) for number, each in enumerate(written))
    breakdown = stage.breakdown(
        color_mapped=sum(isinstance(plan, ClipPlan) and plan.color is not None for plan in plans),
        regularized=sum(isinstance(plan, ClipPlan) and plan.is_regularized and not plan.color for plan in plans),
        tmp_bytes=tmp_bytes,
    )
    return ExtractionResult(outcomes, breakdown, _composition_notes(composition))


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


def _publish(
    outcome: Planned | Prepared | Written, options: ExtractOptions, folder: WorkFolder, number: int
) -> ExtractedClip | ClipFailure:
    """Rename a clip's frames into place and say what became of it."""
    if isinstance(outcome, NeverShown):
        return _never_shown(outcome, folder, number)
    if isinstance(outcome, ClipFailure):
        return outcome
    if not isinstance(outcome, Written):
        msg = f"a clip left the phases unfinished: {outcome!r}"
        raise TypeError(msg)
    plan = outcome.prepared.ready.plan
    warnings = (*plan.warnings, *(outcome.prepared.warnings or outcome.report.warnings))
    if not outcome.report.frames:
        message = "; ".join(each.message for each in warnings) or "no frame could be decoded"
        return ClipFailure(plan.clip.id, FailureKind.NO_FRAMES, message)
    if options.strict:
        for warning in warnings:
            if warning.kind in _STRICT_KINDS:
                return ClipFailure(plan.clip.id, FailureKind(warning.kind), f"{warning.message} (strict)")
    return ExtractedClip(
        clip_id=plan.clip.id,
        frames=outcome.report.frames,
        directory=folder.publish(outcome.folder, plan.clip.id),
        pattern=plan.image.pattern,
        size=plan.media.display_size,
        placement=plan.placement,
        warnings=warnings,
    )


def _never_shown(outcome: NeverShown, folder: WorkFolder, number: int) -> ExtractedClip:
    clip = outcome.probed.clip
    message = "nothing of the clip lies inside the timeline: no frame was extracted"
    return ExtractedClip(
        clip_id=clip.id,
        frames=0,
        directory=folder.publish(folder.new_folder(f"never-shown/{number:05d}"), clip.id),
        pattern=outcome.image.pattern,
        size=outcome.probed.media.display_size,
        placement=Placement(clip.start, clip.end or clip.start, clip.playback_rate, outcome.fps),
        warnings=(ClipWarning("never_shown", message),),
    )


def _composition_notes(composition: Composition) -> tuple[ClipWarning, ...]:
    return tuple(ClipWarning(note.kind.value, note.message) for note in composition.notes)
