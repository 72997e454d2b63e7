"""The command as a user runs it: a real process, its code, stdout for results, one line of trouble on stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import psutil
import pytest

from fixtures_gen.program import find_ffmpeg
from hfbench.cli.exit_codes import ExitCode
from hfbench.model.metrics import METRICS
from tests.makers.ended import Ended
from tests.makers.forking import CLOSED, COMMAND, GONE, PATIENCE, ForkServer

if TYPE_CHECKING:
    from collections.abc import Iterator

FORKS = ForkServer()
KEPT_OUT = ("av", "numpy", "rich", "turbohtml", "httpx", "simplejpeg", "isal", "PIL", "psutil", "asyncio")


def run(*arguments: object, env: dict[str, str] | None = None) -> Ended:
    """Run the command; from a fresh start where ``env`` says something to Python itself."""
    given = [os.fspath(each) if isinstance(each, Path) else str(each) for each in arguments]
    if any(name.startswith("PYTHON") for name in env or {}):
        done = subprocess.run(
            [*COMMAND, *given], capture_output=True, env=os.environ | (env or {}), timeout=PATIENCE, check=False
        )
        code, streams = done.returncode, (done.stdout, done.stderr)
    else:
        code, *streams = FORKS.said(given, env)
    out, err = (stream.decode("utf-8", "surrogateescape") for stream in streams)
    return Ended(code, out, err)


@pytest.fixture(scope="module", autouse=True)
def _forks() -> Iterator[None]:
    yield
    FORKS.close()


def make(path: Path, seconds: float, *options: str) -> Path:
    source = ("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=30:duration={seconds}")
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    command = (str(find_ffmpeg()), "-v", "error", "-nostdin", *source, *encoder, *options, str(path))
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    """A second, and a minute: the latter keeps any way busy long enough to be stopped."""
    folder = tmp_path_factory.mktemp("media")
    make(folder / "short.mp4", 1, "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
    make(folder / "long.mp4", 60)
    return folder


def write(path: Path, *clips: dict[str, Any], **more: Any) -> Path:
    path.write_text(json.dumps({"schema": "hfbench-composition/1", "fps": 30, "clips": clips, **more}))
    return path


@pytest.fixture
def composition(media, tmp_path) -> Path:
    return write(tmp_path / "c.json", {"id": "a", "src": str(media / "short.mp4"), "start": 0, "end": 0.5})


@pytest.fixture
def half_bad(media, tmp_path) -> Path:
    good = {"id": "good", "src": str(media / "short.mp4"), "start": 0, "end": 0.5}
    return write(tmp_path / "bad.json", good, {"id": "bad", "src": "absent.mp4", "start": 0, "end": 1})


class TestHelp:
    @pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"]])
    def test_answers_without_the_heavy_libraries(self, arguments):
        command = (COMMAND[0], "-X", "importtime", *COMMAND[1:], *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
        lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
        assert "click" in imported  # the table was really read
        assert not imported & set(KEPT_OUT)
        assert not {line for line in lines if "hfbench.engine.extract" in line or "hfbench.backends" in line}
        assert done.stdout

    def test_names_every_command_and_every_code(self):
        told = run("--help")
        assert told.code == 0
        assert told.err == ""
        for code in ExitCode:
            assert f"{code.value}  {code.meaning}" in told.out
        for name in ("run", "extract", "probe", "fixtures", "metrics", "doctor"):
            assert f"  {name} " in told.out
            assert run(name, "--help").code == 0


MISUSE = [
    (["nope"], 2),
    (["--nope"], 2),
    (["extract"], 2),
    (["extract", "c.json"], 2),
    (["extract", "absent.json", "--out", "o"], 2),
    (["extract", "folder", "--out", "o"], 2),
    (["extract", "fifo", "--out", "o"], 2),
    (["extract", "text.json", "--out", "o"], 2),
    (["extract", "empty.json", "--out", "o"], 2),
    (["extract", "noclips.json", "--out", "o"], 2),
    (["extract", "twins.json", "--out", "o"], 2),
    (["extract", "escape.json", "--out", "o"], 2),
    (["extract", "novideo.html", "--out", "o"], 2),
    (["extract", "binary.json", "--out", "o"], 2),
    (["extract", "c.json", "--out", "o", "--fps", "0"], 2),
    (["extract", "c.json", "--out", "o", "--fps", "nan"], 2),
    (["extract", "c.json", "--out", "o", "--fps", "1e999"], 2),
    (["extract", "c.json", "--out", "o", "--quality", "0"], 2),
    (["extract", "c.json", "--out", "o", "--quality", "many"], 2),
    (["extract", "c.json", "--out", "o", "--workers", "-1"], 2),
    (["extract", "c.json", "--out", "o", "--clip-limit", "nan"], 2),
    (["extract", "c.json", "--out", "o", "--clip-limit", "-1"], 2),
    (["extract", "c.json", "--out", "o", "--format", "webp"], 2),
    (["extract", "c.json", "--out", "o", "--scope", "all"], 2),
    (["extract", "c.json", "--out", "o", "--backend", "gpu"], 2),
    (["extract", "c.json", "--out", "o", "--root", "absent"], 2),
    (["extract", "c.json", "--out", "o", "--root", "c.json"], 2),
    (["extract", "c.json", "--out", ""], 2),
    (["extract", "", "--out", "o"], 2),
    (["extract", "c.json", "--out", "o", "--root", ""], 2),
    (["extract", "c.json", "--out"], 2),
    (["extract", "c.json", "--out", "o", "--sink", ""], 2),
    (["extract", "c.json", "--out", "o", "--sink", "stdout:", "--json"], 2),
    (["extract", "c.json", "--out", "o", "--sink", "STDOUT:", "--json"], 2),
    (["extract", "c.json", "--out", "o", "--sink", "jsonl:absent/x"], 6),
    (["extract", "c.json", "--out", "c.json"], 6),
    (["extract", "c.json", "--out", "c.json/deeper"], 6),
    (["extract", "c.json", "--out", "x" * 300], 6),
    (["extract", "c.json", "--out", "taken"], 6),
    (["extract", "c.json", "--out", "precious"], 6),
    (["extract", "c.json", "--out", "out-fifo"], 6),
    (["run", "nope"], 2),
    (["run", "--rounds", "0"], 2),
    (["run", "--size", "13p"], 2),
    (["run", "--backend", "gpu"], 2),
    (["run", "--record", ""], 2),
    (["run", "--quality", "0"], 2),
    (["run", "--sink", "nope:"], 2),
    (["run", "--sink", "stdout:", "--json"], 2),
    (["run", "--sink", "jsonl:absent/x"], 6),
    (["probe"], 2),
    (["probe", ""], 2),
    (["compare", ""], 2),
    (["compare", "folder", "folder"], 2),
    (["compare", "text.json", "text.json"], 3),
    (["compare", "deep.json", "deep.json"], 3),
    (["compare", "c.json", "c.json", "--budgets", ""], 2),
    (["compare", "c.json", "c.json", "--markdown", ""], 2),
    (["compare", "a=x", "b=y", "--limit", "nan"], 2),
    (["gate", "--base", "HEAD", "--repository", ""], 2),
    (["gate", "--engine", "a=x", "--engine", "b=y", "--record", ""], 2),
    (["history", ""], 2),
    (["history", "absent"], 2),
    (["history", "c.json"], 3),
    (["history", "deep.json"], 3),
    (["history", "c.json", "--repo", ""], 2),
    (["report", "absent"], 3),
    (["report", "fifo"], 3),
    (["report", "--out", ""], 2),
    (["report", "--notebook", "text.json"], 2),
    (["cache", "info"], 2),
    (["cache", "--cache", "", "clear"], 2),
    (["cache", "--cache", "absent", "info"], 2),
    (["cache", "--cache", "c.json", "info"], 2),
    (["fixtures", "build", "nope"], 2),
    (["fixtures", "path", "nope"], 2),
    (["fixtures", "show", "nope"], 2),
    (["fixtures", "list", "--tag", "nope"], 2),
    (["fixtures", "path", "untagged", "nope"], 2),
    (["fixtures", "nope"], 2),
    (["fixtures", "--root", "", "list"], 2),
    (["fixtures", "--root", "c.json", "build", "untagged"], 6),
    (["worker", "--scope", "all"], 2),
    (["doctor", "nope"], 2),
    (["metrics", "--nope"], 2),
]


class TestMisuse:
    @pytest.fixture(autouse=True)
    def place(self, tmp_path, composition):
        del composition  # c.json, written
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "text.json").write_text("this is not JSON")
        (tmp_path / "deep.json").write_text("[" * 100_000)
        (tmp_path / "empty.json").touch()
        (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00{")
        (tmp_path / "novideo.html").write_text("<html><body><p>nothing</p></body></html>")
        write(tmp_path / "noclips.json")
        write(tmp_path / "twins.json", *[{"id": "a", "src": "a.mp4"}] * 2)
        write(tmp_path / "escape.json", {"id": "../a", "src": "a.mp4"})
        (tmp_path / "taken").mkdir()
        (tmp_path / "taken" / "a").touch()
        (tmp_path / "precious" / "a").mkdir(parents=True)
        (tmp_path / "precious" / "a" / "thesis.tex").touch()
        (tmp_path / "out-fifo").mkdir()
        os.mkfifo(tmp_path / "out-fifo" / "a")

    @pytest.mark.parametrize(
        ("arguments", "code"), MISUSE, ids=lambda each: " ".join(each)[:60] if isinstance(each, list) else None
    )
    def test_is_one_line_on_stderr_and_a_documented_code(self, arguments, code, tmp_path):
        before = sorted(os.listdir(tmp_path))
        told = run(*arguments)
        assert "Traceback" not in told.err
        assert told.code == code, told.err
        assert told.out == ""
        assert told.err.count("\n") == 1, told.err
        assert told.err.startswith("hfbench: ")
        assert sorted(set(os.listdir(tmp_path)) - {"home"}) == [each for each in before if each != "home"]

    def test_a_command_group_alone_shows_its_help(self):
        for arguments in ([], ["cache"], ["fixtures"]):
            told = run(*arguments)
            assert told.code == ExitCode.WRONG_USE
            assert "Commands:" in told.err
            assert told.out == ""

    def test_a_name_close_to_one_that_exists(self):
        assert "did you mean vfr-dropped" in run("fixtures", "build", "vfr-droped").err
        assert "there are hdr-sdr-mixed-scope, cfr-sdr-cache" in run("fixtures", "build", "nope").err

    def test_fixtures_without_ffmpeg_is_the_machine(self, tmp_path):
        told = run("fixtures", "build", "untagged", env={"HFBENCH_FFMPEG": str(tmp_path / "gone")})
        assert told.code == ExitCode.MACHINE
        assert told.err.count("\n") == 1
        assert "HFBENCH_FFMPEG" in told.err

    def test_a_sink_of_the_environment_wants_stdout_too(self, composition):
        told = run("extract", composition, "--out", "o", "--json", env={"HFBENCH_SINK": "stdout:"})
        assert told.code == ExitCode.WRONG_USE
        assert told.out == ""
        assert "--json" in told.err

    def test_no_ffmpeg_program(self, composition, tmp_path):
        gone = {"HFBENCH_FFMPEG": str(tmp_path / "no-such-program")}
        told = run("extract", composition, "--out", tmp_path / "o", "--backend", "ffmpeg", env=gone)
        assert told.code == ExitCode.MACHINE
        assert told.err.count("\n") == 1
        assert "HFBENCH_FFMPEG" in told.err
        assert run("extract", composition, "--out", tmp_path / "o", env=gone).code == 0  # libav needs none

    def test_a_record_that_cannot_be_written(self, composition):
        told = run("run", "--rounds", "1", "--size", "180p", "--record", composition / "x.json", "cfr-sdr-cache")
        assert told.code == ExitCode.MACHINE
        assert told.err.count("\n") == 1
        assert "--record" in told.err


class TestExtract:
    @pytest.mark.parametrize("backend", ["libav", "ffmpeg"])
    def test_json_has_the_promised_shape_and_stdout_nothing_else(self, composition, tmp_path, backend):
        told = run("extract", composition, "--out", tmp_path / "o", "--backend", backend, "--json")
        assert told.code == 0
        assert told.err == ""
        document = told.document
        assert document["success"] is True
        assert document["failures"] == []
        assert set(document["breakdown"]) == set(METRICS)
        (clip,) = document["clips"]
        assert set(clip) >= {"id", "frames", "directory", "pattern", "warnings"}
        assert (clip["id"], clip["frames"]) == ("a", 15)
        files = sorted(path.name for path in Path(clip["directory"]).iterdir())
        assert files == [clip["pattern"] % number for number in range(1, 16)]
        assert clip["warnings"] == []

    def test_one_bad_clip_is_code_5_and_the_other_is_there(self, half_bad, tmp_path):
        told = run("extract", half_bad, "--out", tmp_path / "o", "--json")
        assert told.code == ExitCode.SOME_CLIPS_FAILED
        assert told.document["success"] is False
        assert [clip["id"] for clip in told.document["clips"]] == ["good"]
        (failure,) = told.document["failures"]
        assert set(failure) >= {"id", "kind", "retryable", "message"}
        assert (failure["id"], failure["kind"], failure["retryable"]) == ("bad", "source_missing", False)

    def test_a_failure_is_one_line_on_stderr_however_long(self, half_bad, tmp_path):
        told = run("extract", half_bad, "--out", tmp_path / "o")
        assert told.code == ExitCode.SOME_CLIPS_FAILED
        (line,) = told.err.splitlines()
        assert line.startswith("bad: source_missing: ")
        assert "good" in told.out
        assert "bad" not in told.out

    @pytest.mark.parametrize("name", ["out[/x]", "[red]o", "o:smile:", "o%05d", "o\nline", "-o", "ö ☃"])
    @pytest.mark.parametrize("as_json", [False, True])
    def test_any_output_folder(self, composition, tmp_path, name, as_json):
        told = run("extract", composition, f"--out={name}", *(["--json"] if as_json else []))
        assert "Traceback" not in told.err
        assert told.code == 0
        assert len(os.listdir(tmp_path / name / "a")) == 15
        if as_json:
            assert told.document["clips"][0]["directory"] == str(tmp_path / name / "a")
        else:
            assert name.replace("\n", r"\n") in told.out
            assert len(told.out.splitlines()) == 3

    @pytest.mark.parametrize("as_json", [False, True])
    def test_an_output_folder_that_is_no_utf8(self, composition, tmp_path, as_json):
        name = os.fsdecode(b"o-\xff")
        try:
            (tmp_path / name).mkdir()
        except OSError:
            pytest.skip("this file system wants UTF-8")
        for encoding in ({}, {"PYTHONIOENCODING": "utf-8:strict"}):
            told = run("extract", composition, f"--out={name}", *(["--json"] if as_json else []), env=encoding)
            assert told.err == ""
            assert told.code == 0
            assert as_json or r"o-\xff" in told.out
            assert not as_json or told.document["success"]

    def test_a_terminal_that_knows_only_ascii(self, composition, tmp_path):
        plain = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
        told = run("extract", composition, "--out", tmp_path / "ö ☃", env=plain)
        assert "Traceback" not in told.err
        assert told.code == 0
        assert run("metrics", env=plain).code == 0
        ascii_only = {"PYTHONIOENCODING": "ascii"}
        told = run("extract", composition, "--out", tmp_path / "ö ☃", env=ascii_only)
        assert r"\xf6 \u2603" in told.out
        told = run("extract", composition, "--out", tmp_path / "ö ☃", "--json", env=ascii_only)
        assert told.out.isascii()
        assert told.document["clips"][0]["directory"] == str(tmp_path / "ö ☃" / "a")
        assert "Traceback" not in run("extract", tmp_path / "☃.json", "--out", "o", env=plain).err

    def test_source_messages_cannot_paint_the_terminal(self, tmp_path):
        bad = write(tmp_path / "c2.json", {"id": "a", "src": "\x1b[31mred\x1b]0;title\x07.mp4", "start": 0, "end": 1})
        told = run("extract", bad, "--out", tmp_path / "o")
        assert told.code == ExitCode.SOME_CLIPS_FAILED
        assert "\x1b" not in told.out + told.err

    def test_strict_and_confined_reach_the_engine(self, media, tmp_path):
        long = write(tmp_path / "l.json", {"id": "a", "src": str(media / "short.mp4"), "start": 0, "end": 3})
        assert run("extract", long, "--out", tmp_path / "1", "--json").document["clips"][0]["frames"] == 30
        strict = run("extract", long, "--out", tmp_path / "2", "--strict", "--json")
        assert [each["kind"] for each in strict.document["failures"]] == ["shorter_than_requested"]
        confined = run("extract", long, "--out", tmp_path / "3", "--confined", "--json")
        assert [each["kind"] for each in confined.document["failures"]] == ["source_refused"]
        assert strict.code == confined.code == ExitCode.SOME_CLIPS_FAILED

    @pytest.mark.parametrize("fps", ["29.97", "30000/1001"])
    def test_a_rate_in_any_spelling(self, composition, tmp_path, fps):
        told = run("extract", composition, "--out", tmp_path / "o", "--fps", fps, "--json")
        assert told.document["clips"][0]["frames"] == 15

    def test_clip_names_and_sources_are_shown_as_they_are(self, media, tmp_path):
        clips = [
            {"id": "[red]x:smile:", "src": str(media / "short.mp4"), "start": 0, "end": 0.1},
            {"id": "[b]", "src": "absent[/x]\n.mp4", "start": 0, "end": 1},
        ]
        told = run("extract", write(tmp_path / "c2.json", *clips), "--out", "o")
        assert told.code == ExitCode.SOME_CLIPS_FAILED
        assert "[red]x:smile:" in told.out
        (line,) = [line for line in told.err.splitlines() if "source_missing" in line]
        assert line.startswith("[b]: source_missing")
        assert "absent[/x]" in line

    def test_a_row_is_one_line_where_nobody_looks(self, composition, tmp_path):
        """A path that is cut short or torn is no path, for grep or for a person."""
        deep = tmp_path.joinpath(*["d" * 100] * 5)
        told = run("extract", composition, "--out", deep)
        assert str(deep / "a") in told.out


PRINTING = [
    ["--help"],
    ["run", "--help"],
    ["run", "--list"],
    ["metrics"],
    ["metrics", "--json"],
    ["doctor"],
    ["fixtures", "list"],
    ["fixtures", "show", "untagged", "--json"],
    ["probe", "short.mp4"],
    ["probe", "short.mp4", "--json"],
    ["extract", "c.json", "--out", "o"],
    ["extract", "c.json", "--out", "o", "--json"],
    ["history", "r.json"],
    ["compare", "r.json", "r.json"],
    ["compare", "r.json", "r.json", "--json"],
]


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
class TestStreams:
    """Code 1 means that a gate found a regression, 0 that it found none: a broken output may be taken for neither."""

    @pytest.fixture(autouse=True)
    def place(self, media, composition, tmp_path):
        del composition  # c.json, written
        (tmp_path / "short.mp4").symlink_to(media / "short.mp4")
        sample = {
            "scenario": "s",
            "backend": "libav",
            "scope": "fused",
            "format": "jpg",
            "round": 1,
            "frames": {"a": 1},
        }
        samples = [sample | {"metrics": {"framesDecoded": 60}, "files": 1}]
        (tmp_path / "r.json").write_text(json.dumps({"schema": "hfbench-record/1", "samples": samples}))

    @pytest.mark.parametrize("err", [os.devnull, GONE])
    def test_a_reader_that_has_gone(self, arguments, err):
        assert FORKS.run(arguments, (os.devnull, GONE, err)) == ExitCode.NOBODY_READS

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is always full")
    def test_a_full_disk(self, arguments, tmp_path):
        err = tmp_path / "err"
        assert FORKS.run(arguments, (os.devnull, "/dev/full", str(err))) == ExitCode.MACHINE
        assert err.read_text() == "hfbench: No space left on device\n"

    def test_no_streams_at_all(self, arguments):
        whole = run(*arguments)
        assert whole.out
        assert FORKS.run(arguments, (CLOSED, CLOSED, CLOSED)) == whole.code


@pytest.mark.parametrize("arguments", [["--help"], ["extract", "c.json", "--out", "o", "--json"]], ids=" ".join)
def test_streams_of_a_command_from_a_fresh_start(arguments, composition):
    """As :class:`TestStreams`, which forks: what Python does with its streams at its start and end is its own."""
    del composition  # c.json, written
    whole = subprocess.run([*COMMAND, *arguments], timeout=PATIENCE, check=False, capture_output=True)
    assert whole.returncode == 0
    assert len(whole.stdout.splitlines()) == len(run(*arguments).out.splitlines()) > 10
    shell = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *COMMAND, *arguments]
    assert subprocess.run(shell, timeout=PATIENCE, check=False).returncode == whole.returncode
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as gone:
        done = subprocess.run(
            [*COMMAND, *arguments], timeout=PATIENCE, check=False, stdout=gone, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (ExitCode.NOBODY_READS, b"")


class TestUnforeseen:
    """Something in a command breaks in a way that nobody thought of."""

    @staticmethod
    def broken(how: str, *arguments: str, **env: str) -> Ended:
        code = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
import hfbench.cli.metrics as command
from hfbench.cli import main

def broken(**given):
    {how}

command.command.callback = broken
main(sys.argv[1:])
"""
        done = subprocess.run(
            [sys.executable, "-c", code, "metrics", *arguments],
            capture_output=True,
            text=True,
            env=os.environ | env,
            timeout=PATIENCE,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @pytest.mark.parametrize(
        ("how", "code", "words"),
        [
            ("{}['a\\nb[red]']", ExitCode.BUG, r"a bug: KeyError: 'a\nb[red]'; please report it"),
            ("raise RuntimeError('two\\nlines \\x1b[31m')", ExitCode.BUG, r"a bug: RuntimeError: two\nlines \x1b[31m;"),
            ("assert False", ExitCode.BUG, "a bug: AssertionError; please"),
            ("def deep(): deep()\n    deep()", ExitCode.BUG, "a bug: RecursionError"),
            ("raise MemoryError", ExitCode.MACHINE, "not enough memory"),
            ("open('/proc/nothing/here', 'w')", ExitCode.MACHINE, "No such file or directory: /proc/nothing/here"),
            ("raise KeyboardInterrupt", ExitCode.INTERRUPTED, "interrupted"),
            ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", ExitCode.INTERRUPTED, "interrupted"),
            ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", ExitCode.INTERRUPTED, "interrupted"),
        ],
    )
    def test_is_one_line_and_a_code_of_its_own(self, how, code, words):
        told = self.broken(how)
        assert told.code == code
        assert told.err.count("\n") == 1
        assert told.err.startswith("hfbench: ")
        assert words in told.err
        assert told.out == ""

    def test_the_traceback_is_there_for_who_asks(self):
        told = self.broken("{}['x']", HFBENCH_TRACEBACK="1")
        assert told.code == ExitCode.BUG
        assert told.err.startswith("Traceback")
        assert told.err.splitlines()[-1].startswith("hfbench: a bug: KeyError: 'x'")
        asked = run("fixtures", "build", "nope", env={"HFBENCH_TRACEBACK": "1"})
        assert asked.code == ExitCode.WRONG_USE

    def test_what_was_printed_before_is_there(self):
        told = self.broken("print('half'); raise KeyError")
        assert told.code == ExitCode.BUG
        assert told.out == "half\n"


def begin(arguments: list[object]) -> subprocess.Popen[str]:
    """A process in a session of its own, as a terminal gives it."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
    )


def wait_for_frames(out: Path, process: subprocess.Popen[str], count: int) -> list[psutil.Process]:
    """Until so many files stand under the output; then the process's children."""
    give_up = time.monotonic() + PATIENCE
    while sum(len(names) for _, _, names in os.walk(out)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up, "no frame was written"
        time.sleep(0.01)
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("backend", ["libav", "ffmpeg"])
class TestSignals:
    @pytest.fixture
    def arguments(self, media, tmp_path, backend) -> list[object]:
        source = str(media / "long.mp4")
        path = write(tmp_path / "long.json", *({"id": f"c{n}", "src": source, "media_start": n} for n in range(2)))
        return ["extract", path, "--out", tmp_path / "o", "--backend", backend, "--format", "png16", "--json"]

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("whole_group", [False, True], ids=["process", "group"])
    def test_cancels_and_leaves_nothing(self, arguments, tmp_path, backend, number, whole_group):
        """``group`` is what Ctrl-C in a terminal does: the ffmpeg program gets the signal as well."""
        process = begin(arguments)
        children = wait_for_frames(tmp_path / "o", process, 5)
        assert bool(children) == (backend == "ffmpeg")
        if whole_group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == ExitCode.INTERRUPTED
        assert "Traceback" not in err
        document = json.loads(out)
        assert document["success"] is False
        assert {failure["kind"] for failure in document["failures"]} == {"cancelled"}
        assert document["clips"] == []  # a part of the frames is no clip
        assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
        assert os.listdir(tmp_path / "o") == []

    def test_a_killed_run_does_not_disturb_the_next(self, arguments, composition, tmp_path, backend):
        process = begin(arguments)
        children = wait_for_frames(tmp_path / "o", process, 5)
        process.kill()
        process.communicate()
        for child in children:  # nobody is left to end them
            child.kill()
        told = run("extract", composition, "--out", tmp_path / "o", "--backend", backend, "--json")
        assert told.code == 0
        assert told.document["clips"][0]["frames"] == 15
        assert len(os.listdir(tmp_path / "o" / "a")) == 15


def test_an_ffmpeg_that_was_killed_is_no_damaged_source(media, tmp_path):
    """The kernel kills what takes too much memory: the frames that were written are not all that the file has."""
    path = write(tmp_path / "long.json", {"id": "a", "src": str(media / "long.mp4")})
    process = begin(["extract", path, "--out", tmp_path / "o", "--backend", "ffmpeg", "--format", "png16", "--json"])
    for child in wait_for_frames(tmp_path / "o", process, 5):
        child.kill()
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    assert process.returncode == ExitCode.SOME_CLIPS_FAILED
    document = json.loads(out)
    assert document["clips"] == []
    assert document["failures"][0]["kind"] not in {"source_damaged", "no_frames", "invalid_media"}


class TestProbe:
    def test_json(self, media):
        told = run("probe", media / "short.mp4", "--json")
        assert told.code == 0
        assert told.err == ""
        (found,) = told.document["files"]
        wanted = {"codec": "h264", "width": 320, "height": 180, "vfr": False, "hdr": None, "alpha": False}
        assert {key: found[key] for key in wanted} == wanted
        assert found["durationSeconds"] == 1.0

    def test_a_bad_file_beside_a_good_one(self, media, tmp_path):
        (tmp_path / "bad.mp4").write_text("<html>")
        told = run("probe", media / "short.mp4", tmp_path / "bad.mp4", tmp_path / "absent.mp4")
        assert told.code == ExitCode.SOME_CLIPS_FAILED
        assert "short.mp4" in told.out
        assert "bad.mp4" not in told.out
        lines = told.err.splitlines()
        assert len(lines) == 2
        assert "invalid_media" in lines[0]
        assert "source_missing" in lines[1]
        found = run("probe", media / "short.mp4", tmp_path / "bad.mp4", "--json").document["files"]
        assert [("error" in each) for each in found] == [False, True]

    @pytest.mark.parametrize("name", ["[red]b[x].mp4", "new\nline.mp4", "-dash.mp4", "☃.mp4"])
    def test_names_are_shown_as_they_are(self, media, tmp_path, name):
        (tmp_path / name).symlink_to(media / "short.mp4")
        told = run("probe", "--", name)
        assert told.code == 0
        assert name.replace("\n", r"\n") in told.out
        assert len(told.out.splitlines()) == 2

    def test_special_files_do_not_hang(self, tmp_path):
        os.mkfifo(tmp_path / "fifo.mp4")
        told = run("probe", tmp_path / "fifo.mp4", "/dev/zero", tmp_path)
        assert told.code == ExitCode.SOME_CLIPS_FAILED
        assert told.err.count("not_a_regular_file") == 3


class TestDoctorAndMetrics:
    def test_doctor(self, tmp_path):
        told = run("doctor", "--json")
        assert told.code in {ExitCode.OK, ExitCode.MACHINE}
        checks = {each["what"]: each for each in told.document["checks"]}
        assert {"Python", "PyAV", "ffmpeg program", "encoders", "cores", "memory", "home"} <= set(checks)
        assert all(set(each) >= {"what", "found", "fix", "ok"} for each in checks.values())
        assert (told.code == 0) == all(each["ok"] for each in checks.values())
        assert checks["home"]["found"].startswith(str(tmp_path / "home"))

    def test_doctor_names_the_ffmpeg_of_each_backend(self, tmp_path):
        program = tmp_path / "ffmpeg"
        program.write_text("#!/bin/sh\necho 'ffmpeg version 4.2-test Copyright'\n")
        program.chmod(0o755)
        shown = run("doctor", "--json", env={"HFBENCH_FFMPEG": str(program)}).out
        [backends] = [check for check in json.loads(shown)["checks"] if check["what"] == "backends"]
        assert f"libav runs FFmpeg {av.ffmpeg_version_info}, ffmpeg runs FFmpeg 4.2-test" in backends["found"]
        assert "different releases" in backends["found"]

    def test_doctor_reports_a_relative_home(self):
        told = run("doctor", "--json", env={"HFBENCH_HOME": "somewhere"})
        assert told.code == ExitCode.MACHINE
        [home] = [check for check in json.loads(told.out)["checks"] if check["what"] == "home"]
        assert "a relative path: give an absolute one" in home["fix"]

    def test_doctor_says_how_to_fix(self, tmp_path):
        told = run("doctor", "--json", env={"HFBENCH_FFMPEG": str(tmp_path / "absent")})
        assert told.code == ExitCode.MACHINE
        checks = {each["what"]: each for each in told.document["checks"]}
        assert not checks["ffmpeg program"]["ok"]
        assert "HFBENCH_FFMPEG" in checks["ffmpeg program"]["fix"]
        (tmp_path / "file").touch()
        told = run("doctor", env={"HFBENCH_HOME": str(tmp_path / "file" / "home")})
        assert told.code == ExitCode.MACHINE
        assert "Traceback" not in told.err
        assert "HFBENCH_HOME" in told.out

    def test_metrics(self):
        assert list(run("metrics", "--json").document) == list(METRICS)
        table = run("metrics").out
        assert all(name in table for name in METRICS)


class TestRun:
    def test_json_is_the_record_and_home_holds_everything(self, tmp_path):
        """With a home of its own, nothing is written to the user's own folders."""
        user = tmp_path / "user"
        user.mkdir()
        elsewhere = {"HOME": str(user), "XDG_CACHE_HOME": str(user / "cache"), "HFBENCH_HOME": str(tmp_path / "h")}
        options = ("--rounds", "2", "--size", "180p", "--scope", "fused", "--scope", "segment", "--backend", "libav")
        told = run("run", "cfr-sdr-cache", *options, "--json", env=elsewhere)
        assert told.code == 0, told.err
        document = told.document
        assert document["schema"]
        axes = [
            tuple(each[k] for k in ("scenario", "backend", "scope", "format", "round")) for each in document["samples"]
        ]
        wanted = {
            ("cfr-sdr-cache", "libav", s, "jpg", n) for s in ("fused", "segment") for n in {axes[0][4], axes[-1][4]}
        }
        assert set(axes) == wanted
        assert len(axes) == 4
        assert all(set(METRICS) <= set(each["metrics"]) for each in document["samples"])
        by_scope = {}
        for each in document["samples"]:
            counted = {name: each["metrics"][name] for name in list(METRICS)[-7:]}
            assert by_scope.setdefault(each["scope"], counted) == counted
        (record,) = (tmp_path / "h" / "records").glob("run-*.json")
        assert json.loads(record.read_text()) == document
        assert list((tmp_path / "h" / "fixtures").glob("cfr-sdr-cache-180p-*"))
        assert [path for path in user.rglob("*") if path.is_file()] == []
        assert str(record) in told.err

    def test_each_counted_extraction_is_one_event(self, tmp_path):
        """A warm-up is no sample and no event; an event says what its sample says."""
        options = ("--rounds", "2", "--size", "180p", "--scope", "fused", "--scope", "segment", "--backend", "libav")
        told = run("run", "cfr-sdr-cache", *options, "--sink", f"jsonl:{tmp_path / 'events.jsonl'}", "--json")
        assert told.code == 0, told.err
        events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
        assert [event["event"] for event in events] == ["render_complete"] * 4
        pairs = (("stage_video_extract_ms", "videoExtractMs"), ("cpu_ms", "cpuMs"), ("frames_decoded", "framesDecoded"))
        for event, sample in zip(events, told.document["samples"], strict=True):
            properties = event["properties"]
            assert (properties["scope"], properties["backend"]) == (sample["scope"], sample["backend"])
            assert all(properties[key] == sample["metrics"][metric] for key, metric in pairs)
        assert len({event["timestamp"] for event in events}) == 4  # of the extraction, not of the sending
        assert run("run", "cfr-sdr-cache", *options[:-2], "--backend", "libav", "--rounds", "1").code == 0
        assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 4  # nobody asked

    def test_a_run_that_is_cut_off_is_interrupted_and_tells_what_it_knows(self, tmp_path):
        options = ("--rounds", "1000", "--size", "180p", "--scope", "fused", "--backend", "libav")
        record, events = tmp_path / "r.json", tmp_path / "events.jsonl"
        process = begin(["run", "cfr-sdr-cache", *options, "--record", record, "--sink", f"jsonl:{events}"])
        give_up = time.monotonic() + PATIENCE
        while not (record.exists() and json.loads(record.read_text())["samples"]):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < give_up, "no sample was written"
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == ExitCode.INTERRUPTED
        assert out == ""
        assert err.splitlines() == [f"record: {record}", "hfbench: interrupted"]
        document = json.loads(record.read_text())
        assert document["interrupted"] is True
        told = [json.loads(line)["event"] for line in events.read_text().splitlines()]
        # what was finished, and the extraction that was cut off, if one was
        assert 0 <= told.count("render_complete") - len(document["samples"]) <= 1
        assert told.count("render_failed") <= 1

    def test_list(self):
        told = run("run", "--list")
        assert told.code == 0
        assert "hdr-sdr-mixed-scope" in told.out
        assert told.err == ""
