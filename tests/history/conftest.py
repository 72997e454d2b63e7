from __future__ import annotations

import pytest
from browsing import Browser


@pytest.fixture(scope="session")
def browser() -> Browser:
    found = Browser.find()
    if found is None:
        pytest.skip("no Chromium is installed")
    return found
