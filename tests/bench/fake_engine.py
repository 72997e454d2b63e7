"""An engine under test for tests: a real child process that keeps to the protocol, or breaks it as told.

It shares no code with hfbench. One JSON argument configures it; see ``DEFAULTS``.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

DEFAULTS = {
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
}


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def misbehave(mode, message):
    if mode == "hang":
        time.sleep(600)
    elif mode == "hang-with-child":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        sys.stderr.write(f"child {child.pid}\n")
        sys.stderr.flush()
        time.sleep(600)
    elif mode == "die":
        sys.stderr.write("first words\nfatal: the disk is on fire\n")
        sys.exit(7)
    elif mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif mode == "close":
        os.close(1)
        time.sleep(600)
    elif mode == "garbage":
        sys.stdout.write("frame=  60 fps=0.0 q=-0.0\n")
        sys.stdout.flush()
    elif mode == "endless":
        sys.stdout.write("x" * (9 * 2**20))
        sys.stdout.flush()
    elif mode == "wrong-id":
        say({"ok": True, "id": 999, "sample": {"metrics": {}}})
    elif mode == "nan":
        sys.stdout.write('{"ok": true, "id": %d, "sample": {"metrics": {"cpuMs": NaN}}}\n' % message["id"])
        sys.stdout.flush()
    elif mode == "text-metric":
        say({"ok": True, "id": message["id"], "sample": {"metrics": {"cpuMs": "12"}}})
    elif mode == "refuse":
        say({"ok": False, "id": message["id"], "error": {"kind": "unsupported", "message": "no png16 here"}})
    elif mode == "silent-metrics":
        deadline = time.process_time() + 0.2
        while time.process_time() < deadline:
            pass
        code = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
        subprocess.run([sys.executable, "-c", code], check=True)
        say({"ok": True, "id": message["id"], "sample": {"metrics": {"cpuMs": None}, "frames": {}}})


def run(config, noise, message):
    for clip, count in config["frames"].items():
        folder = Path(message["out"]) / clip
        folder.mkdir(parents=True)
        for index in range(count):
            (folder / f"frame_{index + 1:05d}.jpg").touch()
    metrics = {
        "cpuMs": config["cpu"] * noise.uniform(1 - config["spread"], 1 + config["spread"]),
        "videoExtractMs": config["wall"] * noise.uniform(1 - config["spread"], 1 + config["spread"]),
        **config["counters"],
    }
    say({"ok": True, "id": message["id"], "sample": {"metrics": metrics, "frames": config["frames"]}})


def main():
    config = {**DEFAULTS, **json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")}
    noise = random.Random(config["seed"])
    if config["stderr"]:
        sys.stderr.write(config["stderr"] + "\n")
        sys.stderr.flush()
    runs = 0
    for line in sys.stdin:
        message = json.loads(line)
        if message["op"] == "hello":
            if config["mode"] == "deaf":
                time.sleep(600)
            say(
                {
                    "ok": True,
                    "protocol": config["protocol"],
                    "name": config["name"],
                    "version": "1.0",
                    "axes": config["axes"],
                    "facts": {"av": "18.1"},
                }
            )
        elif message["op"] == "bye":
            say({"ok": True})
            if config["mode"] == "stays":
                time.sleep(600)
            return
        elif config["mode"] not in {"honest", "stays"} and runs >= config["after"]:
            misbehave(config["mode"], message)
        else:
            runs += 1
            run(config, noise, message)


main()
