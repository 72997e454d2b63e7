"""The user's own composition as a scenario: ``--composition FILE``, with an optional ``NAME.truth.json`` next to it.

The truth says for each clip how many frames it must give, or the barcode of every frame::

    {"schema": "hfbench-truth/1", "frames": {"intro": 90, "screen": [12, 12, 13, 14]}}

Without it frames are counted, and the sides of a comparison must have equally many; what they show is not known.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.scenarios import SCENARIOS, BuiltScenario, Scenario
from hfbench.composition import Clip, Composition
from hfbench.errors import UsageError
from hfbench.sources import SourceProblem, is_remote, resolve_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TRUTH_SCHEMA: Final = "hfbench-truth/1"
_TRUTH_SUFFIX: Final = ".truth.json"


def load_scenarios(files: Sequence[Path]) -> tuple[BuiltScenario, ...]:
    """One scenario per composition file, named after the file without its suffix.

    Raises:
        UsageError: two scenarios with one name, a source that is not a file, or a truth that does not fit.
        CompositionError: a file can't be read as a composition.
    """
    found: dict[str, BuiltScenario] = {}
    for file in files:
        name = file.stem
        if name in SCENARIOS or name in found:
            raise UsageError(f"two scenarios are called {name!r}; give {file} another name")
        found[name] = load_scenario(file)
    return tuple(found.values())


def load_scenario(file: Path) -> BuiltScenario:
    """The scenario of one composition file.

    Raises:
        UsageError: a source that is not a file, or a truth that does not fit.
        CompositionError: the file can't be read as a composition.
    """
    composition = _with_absolute_sources(Composition.load(file))
    scenario = Scenario(file.stem, f"the composition {file.name}", "", (), composition.fps)
    frames = _frames(file.with_name(file.stem + _TRUTH_SUFFIX), [clip.id for clip in composition.clips])
    return BuiltScenario(scenario, composition, _content_hash(composition), None, frames)


def _with_absolute_sources(composition: Composition) -> Composition:
    """The composition with absolute sources: every engine must read the same bytes, whatever folder it runs in."""
    clips = []
    for clip in composition.clips:
        if is_remote(clip.src):
            raise UsageError(f"clip {clip.id!r}: {clip.src} would be fetched again in every run; save it in a file")
        try:
            source = resolve_source(clip.src, root=composition.root, absolute_ok=composition.absolute_sources)
        except SourceProblem as problem:
            raise UsageError(f"clip {clip.id!r}: {problem}") from problem
        clips.append(
            Clip(
                clip.id,
                str(source),
                clip.start,
                clip.end,
                clip.media_start,
                playback_rate=clip.playback_rate,
                loop=clip.loop,
                has_audio=clip.has_audio,
            )
        )
    return Composition(
        clips,
        fps=composition.fps,
        timeline_end=composition.timeline_end,
        root=composition.root,
        notes=composition.notes,
    )


def _content_hash(composition: Composition) -> str:
    """Hash of the timeline and of the sources' contents, wherever they are stored: other bytes are another scenario."""
    document = composition.to_json()
    hashes: dict[str, str] = {}
    for clip in document["clips"]:
        source = str(clip["src"])
        if source not in hashes:
            with open(source, "rb") as file:  # noqa: PTH123  hashlib wants the file
                hashes[source] = hashlib.file_digest(file, "sha256").hexdigest()
        clip["src"] = hashes[source]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def _frames(file: Path, clips: Sequence[str]) -> Mapping[str, int | tuple[int, ...]] | None:
    """What ``NAME.truth.json`` says; None where there is none."""
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"can't read the truth {file}: {error}") from error
    frames = document.get("frames") if isinstance(document, dict) else None
    if not isinstance(frames, dict) or document.get("schema") != TRUTH_SCHEMA:
        example = json.dumps({"schema": TRUTH_SCHEMA, "frames": dict.fromkeys(clips, 60)})
        raise UsageError(f"{file} is not a truth file; write {example}")
    if frames.keys() != set(clips):
        raise UsageError(f"{file} is of the clips {', '.join(frames)}; the composition has {', '.join(clips)}")
    for clip, given in frames.items():
        values = given if isinstance(given, list) else [given]
        if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in values):
            raise UsageError(
                f"{file}: frames of {clip!r} must be a count, or the barcode of each, not {str(given)[:60]}"
            )
    return {clip: tuple(given) if isinstance(given, list) else given for clip, given in frames.items()}
