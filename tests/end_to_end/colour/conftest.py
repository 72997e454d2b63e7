"""One bench of clips for the session, and hfbench's home while the tests of colour run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.makers.measures import Workbench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return Workbench(tmp_path_factory.mktemp("colour"))


@pytest.fixture(scope="module", autouse=True)
def _cubes(home: Path) -> Iterator[None]:
    """Colour maps are kept with everything else of the session, and made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HFBENCH_HOME", str(home))
        yield
