"""The errors of this package: a message is one line that says what to do next."""

from __future__ import annotations


class FixtureError(Exception):
    """A fixture cannot be built, found or trusted.

    ``message`` is one line for a person; ``diagnostic`` is whatever the failing program printed, kept apart so
    that a caller may show or hide it.
    """

    def __init__(self, message: str, diagnostic: str = "") -> None:
        """Keep both texts; ``str(error)`` is the message alone."""
        super().__init__(message)
        self.message = message
        self.diagnostic = diagnostic


class UnknownNameError(FixtureError):
    """Nothing has that name: a fixture, a tag, a file. The message says what there is."""


class UnusableSettingError(FixtureError):
    """An environment variable has a value that cannot be used. The message says which one can."""
