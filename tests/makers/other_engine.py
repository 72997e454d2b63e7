"""A frame extractor in one file, which drives the ffmpeg program and implements hfbench's worker protocol.

It is copied into a repository of its own by a test. Nothing in it is hfbench's.
"""

import json
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path

PASSES = 1.0  # how often each clip is extracted: what a careless change makes worse
HERE = Path(__file__).resolve().parent
chance = random.Random(str(HERE))


def git(*words):
    done = subprocess.run(["git", "-C", HERE, *words], check=False, capture_output=True, text=True)
    return done.stdout.strip()


def hello(message):
    facts = {"revision": git("rev-parse", "HEAD")}
    axes = {"backend": "program", "scope": "whole"}
    return {"protocol": message["protocol"], "name": "tiny", "version": "1", "axes": axes, "facts": facts}


def decode(clip, fps, out):
    folder = Path(out) / clip["id"]
    folder.mkdir(parents=True)
    length = clip["end"] - clip["start"]
    ffmpeg(clip, length, fps, folder / "%05d.jpg")
    if PASSES > 1:
        ffmpeg(clip, length * (PASSES - 1), fps, "-c:v", "mjpeg", "-f", "null", "-")
    return len(list(folder.iterdir()))


def ffmpeg(clip, length, fps, *output):
    window = ["-ss", str(clip.get("media_start", 0)), "-t", str(length), "-i", clip["src"], "-vf", f"fps={fps}"]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-threads", "1", *window, "-q:v", "2", *output], check=True)


def copy(clip, prepared, out):
    shutil.copytree(Path(prepared) / clip["id"], Path(out) / clip["id"])
    return len(list((Path(out) / clip["id"]).iterdir()))


def run(message):
    composition, out = message["composition"], message["out"]
    if len(sys.argv) > 1:  # frames that are ready, and a time that is drawn: for tests that must be fast
        frames = {clip["id"]: copy(clip, sys.argv[1], out) for clip in composition["clips"]}
        return {"sample": {"metrics": {"cpuMs": 100 * PASSES * chance.gauss(1, 0.01)}, "frames": frames}}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    frames = {clip["id"]: decode(clip, composition["fps"], out) for clip in composition["clips"]}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_ms = 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return {"sample": {"metrics": {"cpuMs": cpu_ms, "framesDecoded": None}, "frames": frames}}


for line in sys.stdin:
    message = json.loads(line)
    answer = {"hello": hello, "run": run}.get(message["op"], lambda _: {})(message)
    sys.stdout.write(json.dumps({"ok": True, "id": message.get("id"), **answer}) + "\n")
    sys.stdout.flush()
