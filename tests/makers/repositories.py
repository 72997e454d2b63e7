"""Git repositories made for a test, and records that were measured at their commits."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfbench.bench.record import RunRecord, Sample
from hfbench.bench.record_writer import write_atomically

SCENARIO = "hdr-sdr-mixed-scope"


@dataclass
class Repository:
    """A repository; every commit is dated, by default an hour after the one before it."""

    folder: Path
    clock: int = 1_700_000_000

    @staticmethod
    def new(folder: Path) -> Repository:
        folder.mkdir(parents=True)
        made = Repository(folder)
        made.git("init", "--quiet", "--initial-branch=main")
        return made

    def git(self, *words: str, **more: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | more
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always")
        command = ["git", *who, *words]
        return subprocess.run(
            command, cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, *words: str, seconds: int = 3600) -> str:
        self.clock += seconds
        date = {f"GIT_{who}_DATE": f"{self.clock} +0000" for who in ("AUTHOR", "COMMITTER")}
        self.git("commit", "--quiet", "--allow-empty", "--message", f"commit at {self.clock}", *words, **date)
        return self.git("rev-parse", "HEAD")

    def merge(self, branch: str) -> str:
        self.git("merge", "--quiet", "--no-ff", "--no-commit", branch)
        return self.commit()


def record(
    revision: str,
    value: float = 100.0,
    *,
    metric: str = "framesDecoded",
    engine: str = "hfbench",
    role: str = "",
    reported: dict[str, str] | None = None,
    **more: Any,
) -> RunRecord:
    """A record of one sample: of hfbench's own engine, or of an engine that reported ``reported`` of itself."""
    sample = Sample(
        scenario=SCENARIO,
        backend="libav",
        scope="segment",
        format="jpg",
        round=1,
        metrics={metric: value},
        engine=engine,
        role=role,
    )
    facts: dict[str, Any] = {
        "created": "2026-01-01T00:00:00+00:00",
        "samples": (sample,),
        "machine": {"cpu": "X", "threads": 2, "memory_gib": 8},
        "fixtures": {SCENARIO: "f1"},
        "versions": {"revision": revision} if revision else {},
        "engines": {engine: reported} if reported else {},
    }
    return RunRecord(**(facts | more))


def save(record: RunRecord, path: Path) -> Path:
    write_atomically(path, json.dumps(record.to_json()))
    return path
