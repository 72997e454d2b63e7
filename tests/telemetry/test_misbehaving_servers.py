"""An extraction beside a telemetry server that misbehaves: same result, same work, an exit that waits for no server."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.makers.telemetry_programs import Project, Ran
from tests.makers.telemetry_servers import FakeServer, otlp_spans, posthog_events, refusing_url, unaccepting_url

SPECS = {"posthog": "posthog:{}?key=phc_test", "otlp": "otlp:{}"}

SOME_CLIPS_FAILED = 5


@contextmanager
def _answering(server: FakeServer) -> Iterator[str]:
    with server:
        yield server.url
        assert server.requests, "the server was never asked, so nothing was shown"


BAD_SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "says 500": lambda: _answering(FakeServer(500)),
    "says 503, try again": lambda: _answering(FakeServer(503)),
    "never answers": lambda: _answering(FakeServer(None)),
    "answers without an end": lambda: _answering(FakeServer(drips=True)),
    "connecting times out": unaccepting_url,
    "refuses": lambda: nullcontext(refusing_url()),
}


def held_unharmed(ran: Ran, baseline: Ran) -> None:
    """The claim of this file. That the process ended at all shows that it did not wait: a client would, for minutes."""
    assert ran.result == baseline.result
    assert ran.code == baseline.code
    assert "Traceback" not in ran.stderr


@pytest.fixture(scope="module")
def by_command(project: Project) -> Ran:
    """``hfbench extract`` without a sink."""
    ran = project.extract()
    assert (ran.code, ran.stderr.count("Traceback")) == (SOME_CLIPS_FAILED, 0), ran.stderr
    assert ran.result["breakdown"]["framesWritten"] == 30
    assert len(ran.result["frames"]) == 30
    return ran


@pytest.fixture(scope="module")
def by_program(project: Project) -> Ran:
    """The Python program without a sink."""
    return project.program("closing")


@pytest.mark.parametrize("server", BAD_SERVERS)
@pytest.mark.parametrize("scheme", SPECS)
def test_command_is_unharmed(
    scheme: str, server: str, project: Project, by_command: Ran, need: Callable[[str], None]
) -> None:
    need(scheme)
    with BAD_SERVERS[server]() as url:
        ran = project.extract(SPECS[scheme].format(url))
    held_unharmed(ran, by_command)
    # One line on stderr beyond the clips' own, which says what was lost.
    (line,) = [line for line in ran.stderr.splitlines() if "dropped" in line]
    assert line.partition(" (")[0].endswith(f"{scheme}:{url} dropped 2 of 2 events")


@pytest.mark.parametrize(
    ("server", "how"),
    [*((server, "closing") for server in BAD_SERVERS), ("says 500", "just exiting"), ("never answers", "just exiting")],
)
@pytest.mark.parametrize("scheme", SPECS)
def test_program_is_unharmed(
    scheme: str, server: str, how: str, project: Project, by_program: Ran, need: Callable[[str], None]
) -> None:
    need(scheme)
    with BAD_SERVERS[server]() as url:
        ran = project.program(how, SPECS[scheme].format(url))
    held_unharmed(ran, by_program)
    assert ran.stderr == ""


def test_both_doors_give_the_same(by_command: Ran, by_program: Ran) -> None:
    assert by_command.result == by_program.result


@pytest.mark.parametrize("scheme", SPECS)
def test_server_that_is_well_changes_nothing_either(
    scheme: str, project: Project, by_command: Ran, need: Callable[[str], None]
) -> None:
    need(scheme)
    with FakeServer() as server:
        ran = project.extract(SPECS[scheme].format(server.url))
    held_unharmed(ran, by_command)
    assert "dropped" not in ran.stderr


@pytest.mark.parametrize(("server", "why"), [("says 500", "raises"), ("never answers", "blocks")])
@pytest.mark.parametrize("scheme", SPECS)
def test_sink_without_the_dispatcher_would_be_noticed(
    scheme: str, server: str, why: str, project: Project, by_program: Ran, need: Callable[[str], None]
) -> None:
    """Negative control: the same program, the same check, but the sink is called in the engine's thread."""
    need(scheme)
    with BAD_SERVERS[server]() as url:
        ran = project.program("directly", SPECS[scheme].format(url), seconds=3)
    with pytest.raises(AssertionError):
        held_unharmed(ran, by_program)
    if why == "blocks":
        assert ran.exit_seconds is not None
        assert ran.exit_seconds > 3


#: A finder that lets the import of a client take longer than servers are given.
SLOW_IMPORT = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name in ("posthog.request", "opentelemetry.sdk.metrics"):
            time.sleep(2.5)
sys.meta_path.insert(0, Slow())
"""


@pytest.mark.parametrize("how", ["closing", "just exiting"])
@pytest.mark.parametrize("scheme", SPECS)
def test_slow_import_of_the_client_loses_no_event(
    scheme: str, how: str, project: Project, by_program: Ran, need: Callable[[str], None], tmp_path: Path
) -> None:
    """On a busy machine importing takes longer than a server may: that is no reason to drop events."""
    need(scheme)
    (tmp_path / "sitecustomize.py").write_text(SLOW_IMPORT)
    slow = dataclasses.replace(project, packages=(tmp_path, *project.packages))
    with FakeServer() as server:
        ran = slow.program(how, SPECS[scheme].format(server.url))
        names = {"posthog": posthog_names, "otlp": otlp_names}[scheme](server)
    held_unharmed(ran, by_program)
    assert names == {"render_complete", "render_failed"}


def posthog_names(server: FakeServer) -> set[str]:
    return {event["event"] for event in posthog_events(server)}


def otlp_names(server: FakeServer) -> set[str]:
    return {span.name for span in otlp_spans(server) if not span.parent_span_id}


def test_result_that_differs_would_be_noticed(by_command: Ran) -> None:
    """Negative control: one frame that was written differently, one counter that is off by one."""
    (frame, _), *_ = by_command.result["frames"].items()
    for other in (
        {**by_command.result, "frames": {**by_command.result["frames"], frame: "0"}},
        {**by_command.result, "breakdown": {**by_command.result["breakdown"], "filesOpened": 9}},
    ):
        with pytest.raises(AssertionError):
            held_unharmed(Ran(SOME_CLIPS_FAILED, other, "", 0.1), by_command)
