"""Writes the run record: the file is rewritten after every sample, so that a crash loses nothing that was measured."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import HfbenchError, OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.bench.record import Load, RunRecord, Sample

_NO_ENGINES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({})


class RecordWriter:
    """Keeps a record on disk during a run; the file is complete and readable at every moment."""

    def __init__(self, path: Path, record: RunRecord) -> None:
        """Write ``record``, marked as interrupted until :meth:`finish`.

        Raises:
            OutputError: the file can't be written.
        """
        self.path = path
        self.record = replace(record, interrupted=True)
        self._save()

    def add(self, *samples: Sample, engines: Mapping[str, Mapping[str, str]] = _NO_ENGINES) -> RunRecord:
        """Append samples, and what their engines reported about themselves, and rewrite the file."""
        self.record = replace(
            self.record, samples=self.record.samples + samples, engines={**self.record.engines, **engines}
        )
        self._save()
        return self.record

    def declare(self, **options: Any) -> RunRecord:
        """Add options that only the measurement itself knows, and rewrite the file."""
        self.record = replace(self.record, options={**self.record.options, **options})
        self._save()
        return self.record

    def fail(self, error: HfbenchError) -> RunRecord:
        """Record why the measurement ends early, and rewrite the file."""
        self.record = replace(self.record, trouble=(*self.record.trouble, error.message))
        return self.note(error.message, error.diagnostic)

    def note(self, *notes: str) -> RunRecord:
        """Append notes for the reader (empty ones are left out), and rewrite the file."""
        self.record = replace(self.record, notes=self.record.notes + tuple(note for note in notes if note))
        self._save()
        return self.record

    def finish(self, *, load_after: Load | None = None) -> RunRecord:
        """The run is complete: remove the mark and write the file for the last time."""
        self.record = replace(self.record, load_after=load_after, interrupted=False)
        self._save()
        return self.record

    def _save(self) -> None:
        text = json.dumps(self.record.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_atomically(self.path, text)


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` to a temporary file next to ``path`` and rename it into place: a reader never sees half a file.

    Raises:
        OutputError: the folder can't be made or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            f"can't write {path}: {error.strerror or error}; choose another place with --record"
        ) from error
