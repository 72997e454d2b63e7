"""``hfbench extract`` with sinks, as a user meets it: real processes, real clients, a server on 127.0.0.1."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hfbench.telemetry.events import METRIC_KEYS
from hfbench.telemetry.jsonl import read_events
from tests.makers.telemetry_programs import CLI, Project, Ran, leaks
from tests.makers.telemetry_servers import FakeServer, otlp_metrics, otlp_spans, plain, posthog_events

SOME_CLIPS_FAILED, MACHINE, WRONG_USE = 5, 6, 2
KEY = {"POSTHOG_API_KEY": "phc_test"}
FAILED = {"failure_count": 3, "failures_source_missing": 2, "failures_invalid_media": 1}


@pytest.fixture(name="both")
def _both(need: Callable[[str], None]) -> None:
    need("posthog")
    need("otlp")


def paths(server: FakeServer) -> set[str]:
    return {request.path for request in server.requests}


EVERYWHERE = {"/batch/", "/v1/traces", "/v1/metrics"}


@pytest.mark.parametrize(
    ("environ", "is_named", "arrives", "said"),
    [
        ({}, True, EVERYWHERE, ""),
        ({}, False, EVERYWHERE, ""),
        ({"CI": "true"}, True, EVERYWHERE, ""),
        ({"CI": "true"}, False, set(), "is off: in CI it must be named on the command line"),
        ({"GITHUB_ACTIONS": "true"}, False, set(), "is off: in CI it must be named on the command line"),
        ({"DO_NOT_TRACK": "1"}, True, set(), "is off: DO_NOT_TRACK is set"),
        ({"DO_NOT_TRACK": "1"}, False, set(), "is off: DO_NOT_TRACK is set"),
        ({"HFBENCH_NO_TELEMETRY": "1"}, True, set(), "is off: HFBENCH_NO_TELEMETRY is set"),
        ({"DO_NOT_TRACK": "0", "HFBENCH_NO_TELEMETRY": "", "CI": "false"}, False, EVERYWHERE, ""),
    ],
)
@pytest.mark.usefixtures("both")
def test_switches(
    environ: dict[str, str], is_named: bool, arrives: set[str], said: str, project: Project, server: FakeServer
) -> None:
    """``--sink`` or ``HFBENCH_SINK``; a file beside them is written whatever the switches say."""
    file = project.folder / "switched.jsonl"
    file.unlink(missing_ok=True)
    specs = [f"jsonl:{file}", f"posthog:{server.url}", f"otlp:{server.url}"]
    named = [f"--sink={spec}" for spec in specs] if is_named else []
    variable = {} if is_named else {"HFBENCH_SINK": " ".join(specs)}
    ran = project.run(CLI, "extract", "composition.json", "--out=frames", *named, **KEY, **environ, **variable)
    assert ran.returncode == SOME_CLIPS_FAILED, ran.stderr
    assert paths(server) == arrives
    lines = [line for line in ran.stderr.splitlines() if "is off" in line]
    assert len(lines) == (2 if said else 0)
    assert all(line.endswith(said) for line in lines)
    assert [event.name for event in read_events(file).events] == ["render_complete", "render_failed"]


@pytest.mark.usefixtures("both")
def test_nothing_is_sent_when_nobody_asked(project: Project, server: FakeServer) -> None:
    """Keys and addresses in the environment are no request."""
    there = {"POSTHOG_HOST": server.url, "OTEL_EXPORTER_OTLP_ENDPOINT": server.url}
    assert project.extract(**KEY, **there).code == SOME_CLIPS_FAILED
    assert server.requests == []


@pytest.fixture
def everywhere(project: Project, server: FakeServer, both: None) -> Ran:
    """One extraction under hostile names into every sink."""
    del both
    for path in project.folder.glob("all.*"):
        path.unlink()
    return project.extract(f"sqlite:{project.folder}/all.db", f"posthog:{server.url}", f"otlp:{server.url}", **KEY)


def test_events_say_what_the_result_says(everywhere: Ran, project: Project, server: FakeServer) -> None:
    complete, failed = (dict(event.properties) for event in read_events(project.events).events)
    known = {METRIC_KEYS[name]: value for name, value in everywhere.breakdown.items() if value is not None}
    assert known.items() <= complete.items()
    facts = {"engine", "engine_version", "scope", "backend", "clip_count", "hfbench_version", "python_version"}
    facts |= {"av_version", "ffmpeg_version", "os", "arch", "cores", "ci"}
    assert complete.keys() == known.keys() | facts
    assert complete["clip_count"] == 4
    assert failed == FAILED | {name: complete[name] for name in facts}
    sent = [("render_complete", complete), ("render_failed", failed)]
    with closing(sqlite3.connect(project.folder / "all.db")) as connection:
        rows = connection.execute("SELECT event, properties FROM hfbench_events ORDER BY id").fetchall()
    assert [(name, json.loads(properties)) for name, properties in rows] == sent
    posted = [(event["event"], event["properties"]) for event in posthog_events(server)]
    assert [(name, {k: v for k, v in each.items() if not k.startswith("$")}) for name, each in posted] == sent
    assert [(s.name, plain(s.attributes)) for s in otlp_spans(server) if not s.parent_span_id] == sent
    counted = otlp_metrics(server)
    assert {name: counted[f"hfbench.{name}"].sum.data_points[0].as_int for name in FAILED} == FAILED


def test_nothing_hostile_leaves_a_real_run(everywhere: Ran, project: Project, server: FakeServer) -> None:
    files = [project.events, *project.folder.glob("all.*")]
    everything = server.all_bytes + b"".join(path.read_bytes() for path in files)
    assert paths(server) == EVERYWHERE
    assert everything.count(b"failures_invalid_media") >= 4
    assert not leaks(everything)
    assert leaks(json.dumps(everywhere.result).encode())  # the names are in everything else that the run made


def test_stdout_gets_the_same_lines(project: Project) -> None:
    ran = project.run(CLI, "extract", "composition.json", "--out=frames", "--sink=stdout:")
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    assert [json.loads(line)["event"] for line in lines] == ["render_complete", "render_failed"]
    assert not leaks("\n".join(lines).encode())


#: Hides the clients as if they were not installed: Python imports a module of this name at its start.
HIDING = """
import sys
class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"posthog", "opentelemetry"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hiding())
"""


@pytest.mark.parametrize("scheme", ["posthog", "otlp"])
def test_missing_client_gets_one_line_with_the_pip_command(scheme: str, project: Project, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HIDING)
    without = replace(project, packages=(tmp_path,))
    ran = without.run(CLI, "extract", "composition.json", f"--out={tmp_path}/frames", f"--sink={scheme}:", **KEY)
    assert (ran.returncode, ran.stdout) == (MACHINE, "")
    assert ran.stderr == f"hfbench: sink {scheme}: needs its client library: pip install 'hfbench[{scheme}]'\n"
    assert not (tmp_path / "frames").exists()  # said before the work, not after


TINY = """
from hfbench.telemetry import SinkFactory

class TinySink:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1)
    def emit(self, event):
        self.file.write(event.to_line() + chr(10))
    def close(self, timeout_seconds=2.0):
        self.file.close()

FACTORY = SinkFactory(lambda spec, environ: TinySink(spec.target), network={network})
"""

TINY_CONFORMS = """
import json, sys
from hfbench.telemetry.base import SinkSpec
from hfbench.telemetry.registry import find_factory
from hfbench.testing.sinks import SinkConformance
class Tiny(SinkConformance):
    count = 0
    def __init__(self):
        Tiny.count += 1
        self.path = f"{sys.argv[1]}/conforms-{Tiny.count}"
    def open_sink(self):
        return find_factory("tiny").open(SinkSpec("tiny", self.path), {})
    def received_bytes(self):
        return open(self.path, "rb").read()
    def received(self):
        records = [json.loads(line) for line in self.received_bytes().splitlines()]
        return [(record["event"], record["properties"]) for record in records]
Tiny().run_all()
print("conforms", Tiny.count - 1)
"""


@pytest.fixture
def install(tmp_path: Path) -> Callable[[bool], Path]:
    """Install a real distribution with an ``hfbench.sinks`` entry point; the folder that it is in."""

    def make(network: bool) -> Path:
        wheel = tmp_path / "tiny_sink-1.0-py3-none-any.whl"
        contents = {
            "tiny_sink.py": TINY.replace("{network}", str(network)),
            "tiny_sink-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-sink\nVersion: 1.0\n",
            "tiny_sink-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "tiny_sink-1.0.dist-info/entry_points.txt": "[hfbench.sinks]\ntiny = tiny_sink:FACTORY\n",
        }
        record = "".join(f"{name},,\n" for name in (*contents, "tiny_sink-1.0.dist-info/RECORD"))
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in {**contents, "tiny_sink-1.0.dist-info/RECORD": record}.items():
                archive.writestr(name, text)
        target = tmp_path / "installed"
        options = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--target", str(target)]
        subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, capture_output=True)
        return target

    return make


def test_third_partys_sink_is_installed_and_named(
    install: Callable[[bool], Path], project: Project, tmp_path: Path
) -> None:
    there = replace(project, packages=(install(False),))
    file = tmp_path / "tiny.txt"
    ran = there.extract(f"tiny:{file}", CI="true", DO_NOT_TRACK="1")  # it stays on the machine: no switch matters
    assert ran.code == SOME_CLIPS_FAILED, ran.stderr
    assert read_events(file) == read_events(project.events)
    assert leaks(str(project.folder).encode()) and not leaks(file.read_bytes())
    conforms = there.run(TINY_CONFORMS, str(tmp_path))
    assert conforms.stdout.startswith("conforms "), conforms.stderr


def test_third_partys_network_sink_obeys_the_switches(
    install: Callable[[bool], Path], project: Project, tmp_path: Path
) -> None:
    there = replace(project, packages=(install(True),))
    file = tmp_path / "tiny.txt"
    ran = there.extract(f"tiny:{file}", DO_NOT_TRACK="1")
    assert f"tiny:{file} is off: DO_NOT_TRACK is set" in ran.stderr
    assert not file.exists()
    there.extract(f"tiny:{file}")
    assert len(read_events(file).events) == 2


def test_third_partys_sink_is_unknown_where_it_is_not_installed(project: Project, tmp_path: Path) -> None:
    ran = project.run(CLI, "extract", "composition.json", f"--out={tmp_path}/frames", "--sink=tiny:x")
    assert ran.returncode == WRONG_USE
    (line,) = ran.stderr.splitlines()
    assert line.startswith("hfbench: unknown sink 'tiny'; known are jsonl:, ")
