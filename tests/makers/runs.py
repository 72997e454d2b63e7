"""Running the engine under test, as a caller does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hfbench

if TYPE_CHECKING:
    from pathlib import Path

BACKENDS = ("libav", "ffmpeg")
SCOPES = ("fused", "segment", "source")
TARGETS = ("pq", "hlg")


def extract(out: Path, source: Path, *beside: Path, seconds: str = "0.04", **options: Any) -> hfbench.ExtractedClip:
    """The clip of ``source``, with the clips of ``beside`` in the same composition."""
    clips = [hfbench.Clip("patches", str(source), 0, seconds)]
    clips += [hfbench.Clip(f"beside{number}", str(path), 0, "0.04") for number, path in enumerate(beside)]
    result = hfbench.extract(hfbench.Composition(clips, fps=25), out, hfbench.ExtractOptions(**options))
    assert not result.failures, result.failures
    return result.clips[0]


def extract_all(out: Path, sources: dict[str, Path], *beside: Path, **options: Any) -> dict[str, hfbench.ExtractedClip]:
    """Several clips in one composition, by name."""
    clips = [hfbench.Clip(name, str(path), 0, "0.04") for name, path in sources.items()]
    clips += [hfbench.Clip(f"beside{number}", str(path), 0, "0.04") for number, path in enumerate(beside)]
    result = hfbench.extract(hfbench.Composition(clips, fps=25), out, hfbench.ExtractOptions(**options))
    assert not result.failures, result.failures
    return {clip.clip_id: clip for clip in result.clips}


def warnings_of(clip: hfbench.ExtractedClip) -> set[str]:
    """The kinds of a clip's warnings."""
    return {warning.kind for warning in clip.warnings}
