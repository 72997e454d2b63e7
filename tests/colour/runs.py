"""Running the engine under test, as a caller does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hfbench

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


def warnings_of(clip: hfbench.ExtractedClip) -> set[str]:
    """The kinds of a clip's warnings."""
    return {warning.kind for warning in clip.warnings}
