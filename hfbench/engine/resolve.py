"""Phase: what each clip calls its source becomes an absolute path of a regular file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfbench.model.metrics import Phase
from hfbench.model.plan import ResolvedClip
from hfbench.model.result import ClipFailure, FailureKind
from hfbench.sources import SourcePolicy, SourceProblem, is_remote, load_fetch, resolve_source

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.composition import Clip, Composition
    from hfbench.engine.phase_runner import PhaseRunner
    from hfbench.engine.workfolder import WorkFolder
    from hfbench.model.cancellation import Control
    from hfbench.model.options import ExtractOptions


@dataclass(frozen=True, slots=True)
class _Source:
    """What one or more clips give as their ``src``."""

    src: str
    clips: tuple[Clip, ...]

    @property
    def clip_id(self) -> str:
        return self.clips[0].id


@dataclass(frozen=True, slots=True)
class _Resolver:
    """Resolves sources as the composition and the options say; fetched ones are saved in ``downloads``."""

    composition: Composition
    policy: SourcePolicy
    downloads: Path | None

    def __call__(self, source: _Source, control: Control) -> Path | SourceProblem:
        try:
            return resolve_source(
                source.src,
                root=self.composition.root,
                policy=self.policy,
                absolute_ok=self.composition.absolute_sources,
                download_into=self.downloads,
                stop=lambda: control.token.is_cancelled,
            )
        except SourceProblem as problem:
            return problem


def resolve_clips(
    composition: Composition, options: ExtractOptions, folder: WorkFolder, runner: PhaseRunner
) -> tuple[ResolvedClip | ClipFailure, ...]:
    """Resolve, and where needed fetch, every distinct source once."""
    policy = SourcePolicy(
        confined=options.confined,
        allow_http=options.allow_http,
        allow_private_addresses=options.allow_private_addresses,
        max_download_seconds=options.clip_limit_seconds,
    )
    by_src: dict[str, list[Clip]] = {}
    for clip in composition.clips:
        by_src.setdefault(clip.src, []).append(clip)
    downloads = None
    if any(map(is_remote, by_src)):
        with runner.unmeasured("loading the network library"):
            load_fetch()
        downloads = folder.new_folder("downloads")
    sources = [_Source(src, tuple(clips)) for src, clips in by_src.items()]
    resolver = _Resolver(composition, policy, downloads)
    with runner.timed(Phase.RESOLVE):
        attempts = (
            *runner.map_here(resolver, [source for source in sources if not is_remote(source.src)]),
            *runner.map("fetch", resolver, [source for source in sources if is_remote(source.src)]),
        )
    resolved = {clip.id: _resolved(clip, attempt.outcome) for attempt in attempts for clip in attempt.item.clips}
    return tuple(resolved[clip.id] for clip in composition.clips)


def _resolved(clip: Clip, found: Path | SourceProblem | ClipFailure) -> ResolvedClip | ClipFailure:
    if isinstance(found, SourceProblem):
        return ClipFailure(clip.id, FailureKind(found.kind.value), found.message, found.diagnostic)
    if isinstance(found, ClipFailure):
        return found.for_clip(clip.id)
    return ResolvedClip(clip, found)
