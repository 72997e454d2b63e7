# ruff: noqa: T201  a script tells its story on stdout
"""The gate on real commits of this repository: a script, not a test; it measures for many minutes.

    python -m tests.scripts.gate_for_real [--passes 10] [--only changes|passes]

In a temporary clone of HEAD it makes throw-away commits, gates each against HEAD, and prints what came of it:

* the whole source instead of the segment: FAIL by counters, at the first pair;
* 10% more CPU in the extraction: FAIL;
* a comment: PASS, ten times out of ten;
* a build that breaks: COULD_NOT_MEASURE (3);
* an interrupted gate: 130, and a record that can be read.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("hfbench")
HEADLINE = ("--scenario", "hdr-sdr-mixed-scope", "--scope", "segment")
SMALL = ("--scenario", "cfr-sdr-cache", "--scope", "fused")

BURN = """

_write_frames = write_frames


def write_frames(*given, **named):
    import time

    started = time.process_time()
    result = _write_frames(*given, **named)
    now = time.process_time()
    while time.process_time() < now + 0.1 * (now - started):
        pass
    return result
"""


@dataclass(frozen=True)
class Outcome:
    """What one gate ended with."""

    what: str
    code: int
    document: dict[str, Any]
    record: Path
    seconds: float

    @property
    def pairs(self) -> int:
        samples = json.loads(self.record.read_text())["samples"]
        return sum(sample["role"] == "contender" for sample in samples)

    @property
    def verdict(self) -> str:
        return str(self.document.get("verdict", "none"))

    @property
    def reason(self) -> str:
        reasons = self.document.get("reasons", [])
        return reasons[0] if reasons else ""


class Clone:
    """A clone with a commit for each thing to show."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "clone"
        self.records = folder / "records"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", REPOSITORY, self.place], check=True)
        self.base = self._git("rev-parse", "HEAD")

    def commit(self, file: str, change: Callable[[str], str]) -> str:
        """A commit on top of the base that changes one file; its hash."""
        self._git("checkout", "--quiet", "--detach", self.base)
        path = self.place / file
        before = path.read_text()
        after = change(before)
        if after == before:
            sys.exit(f"{file} does not hold what was to be changed: mend {Path(__file__).name}")
        path.write_text(after)
        self._git("-c", "user.name=gate", "-c", "user.email=gate", "commit", "--quiet", "-am", f"throw away: {file}")
        return self._git("rev-parse", "HEAD")

    def gate(self, what: str, head: str, *options: str) -> Outcome:
        """Gate a commit against the base."""
        record = self.records / f"{what}.json"
        started = time.monotonic()
        done = subprocess.run(self._command(head, record, *options), capture_output=True, text=True, check=False)
        document = json.loads(done.stdout) if done.stdout.strip() else {"reasons": done.stderr.splitlines()[-1:]}
        return Outcome(what, done.returncode, document, record, time.monotonic() - started)

    def interrupted(self, what: str, head: str, *options: str) -> Outcome:
        """Gate, and press Ctrl-C after three pairs."""
        record = self.records / f"{what}.json"
        started = time.monotonic()
        child = subprocess.Popen(self._command(head, record, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        outcome = Outcome(what, 0, {}, record, 0)
        while child.poll() is None and not (record.exists() and outcome.pairs >= 3):
            time.sleep(0.2)
        os.kill(child.pid, signal.SIGINT)
        said = child.communicate()[1].decode().splitlines()
        is_marked = json.loads(record.read_text())["interrupted"]
        compared = subprocess.run([PROGRAM, "compare", record, "--json"], capture_output=True, text=True, check=False)
        document = {
            "verdict": f"record {'' if is_marked else 'NOT '}marked, reads as {json.loads(compared.stdout)['verdict']}",
            "reasons": [line for line in said if "interrupted after" in line],
        }
        return Outcome(what, child.returncode, document, record, time.monotonic() - started)

    def _command(self, head: str, record: Path, *options: str) -> list[str | Path]:
        asked = ["gate", "--repository", self.place, "--base", self.base, "--head", head, *options]
        return [PROGRAM, *asked, "--record", record, "--json"]

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.place), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def whole_source(text: str) -> str:
    return text.replace(
        "color, options.scope)",
        "color, Scope.SOURCE if options.scope is Scope.SEGMENT else options.scope)",
    )


def show(outcome: Outcome, expected: str, *, is_right: bool) -> bool:
    mark = "ok  " if is_right else "BAD "
    what = f"{mark}{outcome.what:<22} expected {expected:<24}"
    print(f"{what} exit {outcome.code:<3} {outcome.verdict}, {outcome.pairs} pairs, {outcome.seconds:.0f} s")
    if outcome.reason:
        print(f"     {outcome.reason}", flush=True)
    return is_right


def changes(clone: Clone) -> list[bool]:
    """Changes that must not pass, and a gate that is interrupted; whether each came out as expected."""
    source = clone.commit("hfbench/engine/plan.py", whole_source)
    burn = clone.commit("hfbench/engine/write_frames.py", lambda text: text + BURN)
    broken = clone.commit("pyproject.toml", lambda text: text.replace('"hatchling.build"', '"hatchling.gone"'))
    one = clone.gate("whole source", source, *HEADLINE)
    right = [show(one, "FAIL (1), 1 pair", is_right=one.code == 1 and one.pairs == 1)]
    one = clone.gate("10% more CPU", burn, *SMALL)
    right.append(show(one, "FAIL (1)", is_right=one.code == 1))
    one = clone.gate("does not build", broken, *SMALL)
    right.append(show(one, "COULD_NOT_MEASURE (3)", is_right=one.code == 3))
    one = clone.interrupted("interrupted", burn, *SMALL)
    right.append(show(one, "130, readable record", is_right=one.code == 130 and "NOT" not in one.verdict))
    return right


def passes(clone: Clone, count: int) -> list[bool]:
    """A comment, gated again and again."""
    comment = clone.commit("hfbench/engine/extract.py", lambda text: text + "# A comment.\n")
    right = []
    for number in range(1, count + 1):
        one = clone.gate(f"a comment, {number} of {count}", comment, *SMALL)
        right.append(show(one, "PASS (0)", is_right=one.code == 0))
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, default=10, help="how often to gate the comment")
    parser.add_argument("--only", choices=("changes", "passes"), help="one half of it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gate-for-real-") as folder:
        clone = Clone(Path(folder))
        print(f"base {clone.base[:8]}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        right = changes(clone) if asked.only != "passes" else []
        right += passes(clone, asked.passes) if asked.only != "changes" else []
        print(f"{sum(right)} of {len(right)} as expected; load {os.getloadavg()[0]:.1f}")
    sys.exit(not all(right))


if __name__ == "__main__":
    main()
