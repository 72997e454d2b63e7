"""An engine under test for tests: a real child process that keeps to the protocol, or breaks it as told.

It shares no code with hfbench. One JSON argument configures it; see ``DEFAULTS``.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Message = dict[str, Any]

DEFAULTS: Message = {
    "name": "fake",
    "protocol": "hfbench-worker/1",
    "mode": "honest",  # what it does on the n-th run request, n = "after" + 1
    "after": 0,
    "cpu": 100.0,
    "wall": 80.0,
    "spread": 0.01,
    "seed": 0,
    "counters": {"framesDecoded": 60, "processesSpawned": 0},
    "frames": {"a": 3},
    "axes": {},
    "stderr": "",
    "images": "",  # a folder with <clip>/<image files> to hand out in place of empty files
    "depth": 0,  # how many folders it leaves in one another
    "shift": 0,  # how many of these are left out at the beginning
}


def say(message: Message) -> None:
    write(json.dumps(message) + "\n")


def write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def warn(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def answer(number: int, metrics: dict[str, Any], frames: dict[str, int] | None = None) -> None:
    say({"ok": True, "id": number, "sample": {"metrics": metrics, "frames": frames or {}}})


def hang_with_child(_: int) -> None:
    warn(f"child {subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid}")
    time.sleep(600)


def die(_: int) -> None:
    warn("first words\nfatal: the disk is on fire")
    sys.exit(7)


def close(_: int) -> None:
    os.close(1)
    time.sleep(600)


def refuse(number: int) -> None:
    say({"ok": False, "id": number, "error": {"kind": "unsupported", "message": "no png16 here"}})


def silent_metrics(number: int) -> None:
    """Work for 0.2 s of CPU time here and in a child, and not tell."""
    burn = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    exec(burn, {})
    subprocess.run([sys.executable, "-c", burn], check=True)
    answer(number, {"cpuMs": None})


MISDEEDS: dict[str, Callable[[int], object]] = {
    "hang": lambda _: time.sleep(600),
    "hang-with-child": hang_with_child,
    "die": die,
    "killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "close": close,
    "garbage": lambda _: write("frame=  60 fps=0.0 q=-0.0\n"),
    "endless": lambda _: write("x" * (9 * 2**20)),
    "wrong-id": lambda _: answer(999, {}),
    "nan": lambda number: answer(number, {"cpuMs": math.nan}),
    "huge": lambda number: write(f'{{"ok": true, "id": {number}, "sample": {{"metrics": {{"cpuMs": 1e999}}}}}}\n'),
    "long": lambda number: answer(number, {"framesDecoded": 10**400}),
    "text-metric": lambda number: answer(number, {"cpuMs": "12"}),
    "refuse": refuse,
    "silent-metrics": silent_metrics,
}


def run(config: Message, noise: random.Random, message: Message) -> None:
    for clip, count in config["frames"].items():
        folder = Path(message["out"]) / clip
        folder.mkdir(parents=True)
        made = sorted((Path(config["images"]) / clip).glob("*"))[config["shift"] :] if config["images"] else []
        for index in range(count):
            place = folder / f"frame_{index + 1:05d}.jpg"
            if made:
                shutil.copyfile(made[min(index, len(made) - 1)], place)
            else:
                place.touch()
    leave_folders(Path(message["out"]), config["depth"])
    low, high = 1 - config["spread"], 1 + config["spread"]
    times = {
        "cpuMs": config["cpu"] * noise.uniform(low, high),
        "videoExtractMs": config["wall"] * noise.uniform(low, high),
    }
    answer(message["id"], {**times, **config["counters"]}, config["frames"])


def leave_folders(place: Path, depth: int) -> None:
    """Folders in one another, by steps: the whole path may be longer than the system takes."""
    before = Path.cwd()
    os.chdir(place)
    for _ in range(depth):
        Path("deeper-and-deeper").mkdir()
        os.chdir("deeper-and-deeper")
    os.chdir(before)


def hello(config: Message) -> None:
    if config["mode"] == "deaf":
        time.sleep(600)
    told = {key: config[key] for key in ("protocol", "name", "axes")}
    say({"ok": True, "version": "1.0", "facts": {"av": "18.1"}, **told})


def main() -> None:
    config: Message = {**DEFAULTS, **json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")}
    noise = random.Random(config["seed"])
    if config["stderr"]:
        warn(config["stderr"])
    runs = 0
    for line in sys.stdin:
        message = json.loads(line)
        if message["op"] == "hello":
            hello(config)
        elif message["op"] == "bye":
            say({"ok": True})
            if config["mode"] == "stays":
                time.sleep(600)
            return
        elif config["mode"] in MISDEEDS and runs >= config["after"]:
            MISDEEDS[config["mode"]](message["id"])
        else:
            runs += 1
            run(config, noise, message)


if __name__ == "__main__":
    main()
