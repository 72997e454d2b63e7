"""Fixtures of the telemetry tests."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from fixtures_gen import Size, Store
from fixtures_gen.store import Request
from tests.makers.telemetry_programs import Project
from tests.makers.telemetry_servers import FakeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Extra -> what it must bring.
EXTRAS = {
    "posthog": ("posthog",),
    "otlp": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http", "opentelemetry.proto"),
}

#: What would change which sinks are live, or where they send to.
VARIABLES = ("HFBENCH_", "POSTHOG_", "OTEL_", "DO_NOT_TRACK", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


@pytest.fixture
def need() -> Callable[[str], None]:
    """Call with an extra's name: skips where it is not installed, fails in CI."""

    def check(extra: str) -> None:
        missing = [module for module in EXTRAS.get(extra, ()) if not is_installed(module)]
        if missing:
            reason = f"{', '.join(missing)} not installed: pip install 'hfbench[{extra}]'"
            if os.environ.get("CI", "").lower() in {"1", "true"}:
                pytest.fail(reason)
            pytest.skip(reason)

    return check


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in tuple(os.environ):
        if variable.upper().startswith(VARIABLES):
            monkeypatch.delenv(variable)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture(scope="session")
def source(home: Path) -> Path:
    """3 s of plain SDR, 320x180."""
    store = Store(home / "fixtures")
    store.ensure([Request("cfr-sdr-cache", Size.P180)])
    return store.path("cfr-sdr-cache", "sdr-3s.mp4", Size.P180)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Project:
    return Project.make(tmp_path_factory.mktemp("project"), source)
