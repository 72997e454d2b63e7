"""What the reading of a file cost, and what was found in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hfbench.model.metrics import WorkCounters

if TYPE_CHECKING:
    from hfbench.model.result import ClipWarning


@dataclass(slots=True)
class Tally:
    """What reading a file cost, and the damage and changes in it; updated during the reading.

    Attributes:
        decode_errors, corrupt_frames, noticed: of the current run of windows.
    """

    packets: int = 0
    frames: int = 0
    files: int = 1
    decode_errors: int = 0
    corrupt_frames: int = 0
    noticed: dict[str, ClipWarning] = field(default_factory=dict)

    def work(self) -> WorkCounters:
        """The work counters, which include opening the file."""
        return WorkCounters(files_opened=self.files, packets_read=self.packets, frames_decoded=self.frames)
