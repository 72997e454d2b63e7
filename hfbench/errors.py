"""The errors of hfbench: one leaf module, one base class.

An exception here means misuse (an invalid composition, an unknown option) or a broken
machine (no ffmpeg program). A clip that fails is never an exception to the caller: it is a
:class:`hfbench.model.result.ClipFailure` in that clip's place.
"""

from __future__ import annotations

import os


class HfbenchError(Exception):
    """Base class. ``message`` is one line for people and says what to do next; ``diagnostic`` is for bug reports."""

    def __init__(self, message: str, *, diagnostic: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.diagnostic = diagnostic

    def _render_traceback_(self) -> list[str]:
        """What IPython prints in place of a traceback: the message, as the command line does.

        With ``HFBENCH_TRACEBACK=1`` the traceback is printed.
        """
        if os.environ.get("HFBENCH_TRACEBACK"):
            raise NotImplementedError  # IPython then renders the traceback itself
        return [f"{type(self).__name__}: {self.message}"]


class UsageError(HfbenchError):
    """The caller asked for something that hfbench does not offer; the message lists what is allowed."""


class CompositionError(UsageError):
    """A composition that can't be read; the message names the clip, the key, the value and what is allowed."""


class OptionsError(UsageError):
    """An extraction option outside its allowed values."""


class MachineError(HfbenchError):
    """Something that the machine must provide is missing (ffmpeg, an encoder, a writable folder)."""


class OutputError(MachineError):
    """The output folder can't be written: it is read-only, it is full, or a file is in its place."""


class NotInstalledError(MachineError):
    """An optional dependency is missing; the message holds the pip command that installs it."""


class MeasurementError(HfbenchError):
    """Nothing, or not everything, could be measured. Never to be read as a pass."""


class RecordError(HfbenchError):
    """A saved run record that can't be read, or that can't be compared with another one."""
