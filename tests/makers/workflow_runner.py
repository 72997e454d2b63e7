"""Runs the steps of a workflow that a document shows, on this machine, as GitHub would for a pull request."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def documented_workflow(document: Path) -> dict[str, Any]:
    """The first workflow in a document."""
    found: dict[str, Any] = yaml.safe_load(_BLOCK.findall(document.read_text(encoding="utf-8"))[0])
    return found


@dataclass
class Runner:
    """A machine that runs a workflow's steps.

    Attributes:
        workspace: an empty folder in which the steps run.
        origin: the repository on the server.
        ref: the branch that is checked out: for a pull request, its merge into the base.
        replaced: texts of the document that stand for what a project has in their place.
        outputs: of the action, by name.
    """

    workspace: Path
    origin: Path
    ref: str
    replaced: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, workflow: dict[str, Any]) -> int:
        """Run all steps of the only job, until one fails; its exit code."""
        (job,) = workflow["jobs"].values()
        for step in job["steps"]:
            code = self._step(step)
            if code:
                return code
        return 0

    def _step(self, step: dict[str, Any]) -> int:
        inputs = {name: self._own(str(value)) for name, value in step.get("with", {}).items()}
        action = step.get("uses", "").partition("@")[0]
        if "run" in step:
            return self._bash(self._own(step["run"]), {})
        if action == "actions/checkout":
            depth = [] if inputs.get("fetch-depth") == "0" else [f"--depth={inputs.get('fetch-depth', '1')}"]
            command = ["git", "clone", "--quiet", *depth, "--branch", self.ref, f"file://{self.origin}"]
            return subprocess.run([*command, str(self.workspace / inputs.get("path", "."))], check=False).returncode
        if action == "hfbench/hfbench":
            return self._gate(inputs)
        assert action == "actions/setup-python", f"the runner does not know {action}"
        return 0

    def _gate(self, inputs: dict[str, str]) -> int:
        """The gate's step of action.yml, with hfbench as it is checked out here."""
        action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        (step,) = (each for each in action["runs"]["steps"] if each.get("id") == "gate")
        unknown = inputs.keys() - action["inputs"].keys()
        assert not unknown, f"action.yml has no input {unknown}"
        values = {name: inputs.get(name, about["default"]) for name, about in action["inputs"].items()}
        outputs = self.workspace.parent / "outputs"
        outputs.unlink(missing_ok=True)
        given = {
            **{name.upper().replace("-", "_"): value for name, value in values.items()},
            "PROGRAM": str(self._program()),
            "FOLDER": str(self.workspace.parent),
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_STEP_SUMMARY": str(self.workspace.parent / "summary.md"),
            "JOB_INDEX": "0",
            "JOB_TOTAL": "1",
            "RUN_URL": "https://example.org/run/1",
        }
        code = self._bash(step["run"], given)
        self.outputs = dict(line.split("=", 1) for line in outputs.read_text(encoding="utf-8").splitlines())
        return code

    def _program(self) -> Path:
        folder = self.workspace.parent / "program"
        folder.mkdir(exist_ok=True)
        for name, module in (("python", ""), ("hfbench", " -c 'from hfbench.cli import main; main()'")):
            (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable}{module} "$@"\n', encoding="utf-8")
            (folder / name).chmod(0o755)
        return folder

    def _bash(self, script: str, more: dict[str, str]) -> int:
        environment = os.environ | self.environment | more
        return subprocess.run(["bash", "-e", "-c", script], cwd=self.workspace, env=environment, check=False).returncode

    def _own(self, text: str) -> str:
        for shown, own in self.replaced.items():
            text = text.replace(shown, own)
        return text
