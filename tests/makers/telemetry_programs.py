"""Real programs that extract and report: ``hfbench extract --sink …``, and a Python program that uses both packages."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hfbench.telemetry.jsonl import read_events

#: Stands in every name of the project that could leave; nothing else on the way holds it.
MARK = "ann7f3a"

#: What changes which sinks are live, or where they send to.
SWITCHES = ("HFBENCH_", "POSTHOG_", "OTEL_", "DO_NOT_TRACK", "CI", "GITHUB_", "GITLAB_", "HTTP_PROXY", "HTTPS_PROXY")

#: Seconds for which a client waits for a server: longer than any test. A process that ends did not wait for it.
LONG_SECONDS = 600.0

CLI = f"""
from hfbench.telemetry import otlp, posthog
otlp.REQUEST_SECONDS = posthog.REQUEST_SECONDS = {LONG_SECONDS}
from hfbench.cli import main
main()
"""

#: Arguments: composition, output folder, how the sinks are called, seconds for a request, specs. Prints when the
#: extraction ended (seconds since 1970), and at its end what ``hfbench extract --json`` does.
PROGRAM = """
import json, os, sys, time
from collections import Counter
from hfbench import Composition, extract
composition, out, how, seconds, *specs = sys.argv[1:]
from hfbench.telemetry import machine_facts, open_dispatcher, otlp, posthog, render_complete, render_failed
otlp.REQUEST_SECONDS = posthog.REQUEST_SECONDS = float(seconds)
dispatcher = open_dispatcher(specs if how != "directly" else [], os.environ)
result = extract(Composition.load(composition), out)
print(time.time(), flush=True)
facts = {**machine_facts(os.environ), "engine": "hfbench", "scope": "fused", "backend": "libav"}
events = (
    render_complete(result.breakdown.to_json(), facts),
    render_failed(Counter(each.kind.value for each in result.failures), facts),
)
emit = dispatcher.emit
if how == "directly":  # what nobody does: a sink in the engine's thread, without the dispatcher
    from hfbench.telemetry.base import SinkSpec
    from hfbench.telemetry.registry import find_factory
    spec = SinkSpec.parse(specs[0])
    emit = find_factory(spec.scheme).open(spec, os.environ).emit
for event in events:
    emit(event)
if how == "closing":
    dispatcher.close()
print(json.dumps(result.to_json()))
"""


def leaks(everything: bytes) -> bool:
    """Whether the mark is in there: plain, in any case, percent-encoded, or in base64 as basic auth sends it."""
    plain = everything.lower()
    unquoted = urllib.parse.unquote_to_bytes(everything).lower()
    basic = base64.b64encode(f"{MARK}:{MARK}".encode())
    return MARK.encode() in plain or MARK.encode() in unquoted or basic in everything


@dataclass(frozen=True)
class Ran:
    """How a program ended.

    Attributes:
        result: its result without what a clock gave: outcomes, notes, every counter, and a hash of every frame.
        breakdown: every metric, times too.
        exit_seconds: from the end of the extraction to the end of the process; None where no event says when it ended.
    """

    code: int
    result: dict[str, Any]
    stderr: str
    exit_seconds: float | None = None
    breakdown: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """A composition of one good clip, two that are missing and one that is no video, under names that must not leave.

    Attributes:
        folder: Where everything is, hostile itself.
        packages: Folders in which Python also looks for packages.
    """

    folder: Path
    packages: tuple[Path, ...] = ()

    @classmethod
    def make(cls, folder: Path, source: Path) -> Project:
        """Write the composition; frames are taken out of ``source``."""
        root = folder / MARK
        (root / "home").mkdir(parents=True)
        (root / f"{MARK}.mp4").write_text("this is no video\n" * 100)
        (root / f"{MARK}-clip.mp4").symlink_to(source)
        sources = {
            "good": f"{MARK}-clip.mp4",
            "gone": f"{MARK}/gone.mp4",
            "lost": f"/x/{MARK}.mp4",
            "bad": f"{MARK}.mp4",
        }
        clips = [{"id": f"{name}-{MARK}", "src": src, "start": 0, "duration": 1} for name, src in sources.items()]
        document = {"schema": "hfbench-composition/1", "fps": 30, "clips": clips}
        (root / "composition.json").write_text(json.dumps(document))
        return cls(root)

    @property
    def events(self) -> Path:
        """Where :meth:`extract` has a ``jsonl:`` sink beside the one under test."""
        return self.folder / "events.jsonl"

    def environ(self, **more: str) -> dict[str, str]:
        """Without the caller's switches; with a hostile user, host and home."""
        plain = {name: value for name, value in os.environ.items() if not name.upper().startswith(SWITCHES)}
        path = os.pathsep.join([*map(str, self.packages), *filter(None, [os.environ.get("PYTHONPATH")])])
        hostile = {
            "USER": MARK,
            "LOGNAME": MARK,
            "HOSTNAME": f"{MARK}.corp.example",
            "HOME": str(self.folder / "home"),
            "OTEL_SERVICE_NAME": MARK,
            "OTEL_RESOURCE_ATTRIBUTES": f"host.name={MARK}",
        }
        return plain | hostile | {"PYTHONPATH": path} | more

    def run(self, script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program in the project's folder."""
        return subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=self.folder,
            env=self.environ(**environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def extract(self, *specs: str, **environ: str) -> Ran:
        """``hfbench extract --json``, with a ``--sink`` for each spec and one that says when the extraction ended."""
        self.events.unlink(missing_ok=True)
        wanted = [f"jsonl:{self.events}", *specs] if specs else []
        sinks = [f"--sink={spec}" for spec in wanted]
        ran = self.run(CLI, "extract", "composition.json", "--out=frames", "--json", *sinks, **environ)
        ended = time.time()
        document = json.loads(ran.stdout) if ran.stdout else {"breakdown": {}}
        seconds = ended - read_events(self.events).events[0].time_unix_ns / 1e9 if self.events.exists() else None
        return Ran(ran.returncode, self._without_times(document), ran.stderr, seconds, document["breakdown"])

    def program(self, how: str, *specs: str, seconds: float = LONG_SECONDS, **environ: str) -> Ran:
        """:data:`PROGRAM`, ``closing`` the dispatcher, leaving that to the exit, or calling the sink ``directly``."""
        ran = self.run(PROGRAM, "composition.json", "frames", how, str(seconds), *specs, **environ)
        ended = time.time()
        extracted, _, document = ran.stdout.partition("\n")
        result = self._without_times(json.loads(document)) if document else {}
        return Ran(ran.returncode, result, ran.stderr, ended - float(extracted))

    def _without_times(self, document: dict[str, Any]) -> dict[str, Any]:
        counted = {name: value for name, value in document["breakdown"].items() if not name.endswith("Ms")}
        frames = sorted((self.folder / "frames").glob("*/*"))
        hashes = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in frames}
        return {**document, "breakdown": counted, "frames": hashes}
