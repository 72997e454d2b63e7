"""Exit codes: each has one meaning."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit code of the process."""

    OK = 0
    FAIL = 1
    WRONG_USE = 2
    COULD_NOT_MEASURE = 3
    UNSURE = 4
    SOME_CLIPS_FAILED = 5
    MACHINE = 6
    BUG = 70
    INTERRUPTED = 130
    NOBODY_READS = 141

    @property
    def meaning(self) -> str:
        """One line."""
        return _MEANING[self]

    @classmethod
    def table(cls) -> str:
        """All codes, for ``--help``."""
        return "\b\nExit codes:\n" + "\n".join(f"  {code.value:>3}  {code.meaning}" for code in cls)


_MEANING = {
    ExitCode.OK: "done; for a gate: PASS",
    ExitCode.FAIL: "a regression; for a verification: something has changed",
    ExitCode.WRONG_USE: "wrong use: an option, a composition, a name",
    ExitCode.COULD_NOT_MEASURE: "nothing, or not everything, could be measured",
    ExitCode.UNSURE: "a gate could not decide",
    ExitCode.SOME_CLIPS_FAILED: "some clips failed; the others have their frames",
    ExitCode.MACHINE: "the machine lacks something, or the output can't be written",
    ExitCode.BUG: "a bug in hfbench; HFBENCH_TRACEBACK=1 shows where",
    ExitCode.INTERRUPTED: "interrupted by SIGINT or SIGTERM",
    ExitCode.NOBODY_READS: "the output was not read to its end (a closed pipe): no verdict",
}
