"""Made-up histories and a browser stand beside the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browsing import Browser


@pytest.fixture(scope="session")
def browser() -> Browser:
    found = Browser.find()
    if found is None:
        pytest.skip("no Chromium is installed")
    return found
