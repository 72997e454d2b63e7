"""Phase: what each clip calls its source becomes an absolute path of a regular file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.model.metrics import Phase
from hfbench.model.plan import ResolvedClip
from hfbench.model.result import ClipFailure, FailureKind
from hfbench.sources import SourcePolicy, SourceProblem, is_remote, resolve_source

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.composition import Clip, Composition
    from hfbench.engine.phase_runner import Stage
    from hfbench.engine.workfolder import WorkFolder
    from hfbench.model.cancellation import Control
    from hfbench.model.options import ExtractOptions


def resolve_clips(
    composition: Composition, options: ExtractOptions, folder: WorkFolder, stage: Stage
) -> tuple[ResolvedClip | ClipFailure, ...]:
    """Resolve, and where needed fetch, every distinct source once."""
    policy = SourcePolicy(
        confined=options.confined,
        allow_http=options.allow_http,
        allow_private_addresses=options.allow_private_addresses,
        max_download_seconds=options.clip_limit_seconds,
    )
    sources = {clip.src: clip.id for clip in composition.clips}
    downloads = folder.new_folder("downloads") if any(is_remote(src) for src in sources) else None

    def resolve(src: str, control: Control) -> Path | SourceProblem:
        try:
            return resolve_source(
                src,
                root=composition.root,
                policy=policy,
                absolute_ok=composition.absolute_sources,
                download_into=downloads,
                stop=lambda: control.token.is_cancelled,
            )
        except SourceProblem as problem:
            return problem

    with stage.timed(Phase.RESOLVE):
        found = stage.map("resolve", resolve, list(sources), list(sources.values()))
    by_src = dict(zip(sources, found, strict=True))
    return tuple(_settled(clip, by_src[clip.src]) for clip in composition.clips)


def _settled(clip: Clip, found: Path | SourceProblem | ClipFailure) -> ResolvedClip | ClipFailure:
    if isinstance(found, SourceProblem):
        return ClipFailure(clip.id, FailureKind(found.kind.value), found.message, found.diagnostic)
    if isinstance(found, ClipFailure):
        return ClipFailure(clip.id, found.kind, found.message, found.diagnostic)
    return ResolvedClip(clip, found)
