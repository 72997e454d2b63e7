"""The browser of the history tests serves these, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "history"))

from browsing import Browser


@pytest.fixture(scope="session")
def browser() -> Browser:
    found = Browser.find()
    if found is None:
        pytest.skip("no Chromium is installed")
    return found
