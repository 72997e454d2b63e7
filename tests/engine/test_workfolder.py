"""The work folder: its bytes, the swap into place, and the refusal of foreign folders."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfbench.engine.workfolder import WorkFolder, refuse_foreign_folders
from hfbench.errors import OutputError

stable = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(tmp_path):
    made = WorkFolder(tmp_path / "out")
    yield made
    made.close()


def bytes_on_disk(root: Path) -> int:
    """Each inode once, links not followed: found by another walk than the folder's own."""
    seen = {}
    for base, _, names in os.walk(root):
        for name in names:
            status = os.lstat(Path(base) / name)
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values())


class TestBytes:
    """Nothing is deleted before the end, so what is there at the end is the high-water mark."""

    def test_empty(self, folder):
        assert folder.measure() == 0

    def test_hard_links_count_once_inside_and_across_folders(self, folder):
        a, b = folder.new_folder("frames/a"), folder.new_folder("frames/b")
        (a / "frame_00001.jpg").write_bytes(bytes(100))
        os.link(a / "frame_00001.jpg", a / "frame_00002.jpg")
        os.link(a / "frame_00001.jpg", b / "frame_00001.jpg")
        assert folder.measure() == 100

    def test_a_symbolic_link_is_not_followed(self, folder, tmp_path):
        (tmp_path / "elsewhere").write_bytes(bytes(10_000))
        (folder.path / "link").symlink_to(tmp_path / "elsewhere")
        assert folder.measure() < 10_000

    @stable
    @given(st.lists(st.tuples(st.sampled_from("wwl"), st.integers(1, 5000), st.integers(0, 99)), max_size=40))
    def test_any_writes_and_links(self, tmp_path_factory, steps):
        """Held against another walk of the disk."""
        work = WorkFolder(tmp_path_factory.mktemp("any"))
        try:
            for number, (step, size, pick) in enumerate(steps):
                files = sorted(work.path.iterdir())
                if step == "w" or not files:
                    (work.path / f"f{number:03d}").write_bytes(bytes(size))
                else:
                    os.link(files[pick % len(files)], work.path / f"f{number:03d}")
            assert work.measure() == bytes_on_disk(work.path)
        finally:
            work.close()


class TestPublish:
    def frames(self, folder: WorkFolder, name: str, *contents: bytes) -> Path:
        made = folder.new_folder(name)
        for number, content in enumerate(contents, 1):
            (made / f"frame_{number:05d}.jpg").write_bytes(content)
        return made

    def test_a_new_place(self, folder, tmp_path):
        place = folder.publish(self.frames(folder, "frames/0", b"x"), "a")
        assert place == tmp_path / "out" / "a"
        assert [path.read_bytes() for path in place.iterdir()] == [b"x"]

    def test_what_stood_there_is_gone_as_a_whole(self, folder, tmp_path):
        folder.publish(self.frames(folder, "frames/0", b"old", b"old", b"old"), "a")
        folder.publish(self.frames(folder, "frames/1", b"new"), "a")
        assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == ["frame_00001.jpg"]
        folder.close()
        assert os.listdir(tmp_path / "out") == ["a"]

    def test_two_runs_at_once_leave_one_whole_set(self, tmp_path):
        """Whoever is last wins; never a mixture, never a stop."""
        out, errors = tmp_path / "out", []

        def run(letter: bytes) -> None:
            work = WorkFolder(out)
            try:
                for number in range(10):
                    work.publish(self.frames(work, f"frames/{number}", *[letter] * 5), "a")
            except OutputError as error:
                errors.append(error)
            finally:
                work.close()

        runs = [threading.Thread(target=run, args=(letter,)) for letter in (b"x", b"y", b"z")]
        for each in runs:
            each.start()
        for each in runs:
            each.join()
        assert errors == []
        assert os.listdir(out) == ["a"]
        contents = [path.read_bytes() for path in (out / "a").iterdir()]
        assert len(contents) == 5
        assert len(set(contents)) == 1

    def test_closing_removes_what_is_left(self, tmp_path):
        work = WorkFolder(tmp_path / "out")
        self.frames(work, "frames/0", b"x")
        work.close()
        work.close()
        assert os.listdir(tmp_path / "out") == []


class TestRefusals:
    def test_an_output_that_is_a_file(self, tmp_path):
        (tmp_path / "out").touch()
        with pytest.raises(OutputError, match="not a folder"):
            refuse_foreign_folders(tmp_path / "out", ("a",))
        with pytest.raises(OutputError):
            WorkFolder(tmp_path / "out")

    def test_an_output_below_a_file(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OutputError):
            refuse_foreign_folders(tmp_path / "file" / "out", ("a",))
        with pytest.raises(OutputError):
            WorkFolder(tmp_path / "file" / "out")

    @pytest.mark.parametrize("make", [Path.touch, os.mkfifo, lambda path: path.symlink_to("nowhere")])
    def test_a_clips_place_that_is_no_folder(self, tmp_path, make):
        make(tmp_path / "a")
        with pytest.raises(OutputError, match="a"):
            refuse_foreign_folders(tmp_path, ("a",))

    def test_a_link_to_a_folder_is_not_replaced(self, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "a").symlink_to("elsewhere")
        with pytest.raises(OutputError, match="in the way"):
            refuse_foreign_folders(tmp_path, ("a",))

    @pytest.mark.parametrize("name", ["holiday.mov", "frame_1.jpg", "frame_00001.jpeg", "frame_00001.jpg.bak", ".keep"])
    def test_a_folder_with_anything_but_frames(self, tmp_path, name):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "frame_00001.jpg").touch()
        (tmp_path / "a" / name).touch()
        with pytest.raises(OutputError, match=r"which is not a frame"):
            refuse_foreign_folders(tmp_path, ("b", "a"))
        assert (tmp_path / "a" / name).exists()

    def test_a_folder_with_a_folder_of_a_frames_name(self, tmp_path):
        """Somebody's folder, whatever its name: what is in it must not be deleted."""
        precious = tmp_path / "a" / "frame_00001.jpg"
        precious.mkdir(parents=True)
        (precious / "thesis.tex").touch()
        with pytest.raises(OutputError):
            refuse_foreign_folders(tmp_path, ("a",))

    def test_frames_and_absent_folders_are_fine(self, tmp_path):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "frame_00001.jpg").touch()
        (tmp_path / "a" / "frame_123456.png").touch()
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "holiday.mov").touch()
        refuse_foreign_folders(tmp_path, ("a", "new"))
        refuse_foreign_folders(tmp_path / "absent", ("a",))

    def test_a_folder_that_may_not_be_read(self, tmp_path, monkeypatch):
        (tmp_path / "a").mkdir()

        def refuse(path: object) -> list[str]:  # root may read everything, so the system's answer is played
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(os, "listdir", refuse)
        with pytest.raises(OutputError):
            refuse_foreign_folders(tmp_path, ("a",))

    def test_a_name_that_is_too_long(self, tmp_path):
        with pytest.raises(OutputError):
            refuse_foreign_folders(tmp_path / ("x" * 300), ("a",))
        with pytest.raises(OutputError):
            WorkFolder(tmp_path / ("x" * 300))


class TestDeadRuns:
    """A killed run leaves its work folder; the next one in the same output removes it."""

    def left_by_a_killed_run(self, out: Path) -> Path:
        code = f"""
import os, signal
from pathlib import Path
from hfbench.engine.workfolder import WorkFolder
folder = WorkFolder(Path({str(out)!r}))
(folder.new_folder("frames/a") / "frame_00001.jpg").write_bytes(bytes(100))
os.kill(os.getpid(), signal.SIGKILL)
"""
        ended = subprocess.run([sys.executable, "-c", code], check=False)
        assert ended.returncode == -signal.SIGKILL
        (left,) = out.iterdir()
        return left

    def test_is_removed(self, tmp_path):
        left = self.left_by_a_killed_run(tmp_path / "out")
        assert bytes_on_disk(left) == 100
        folder = WorkFolder(tmp_path / "out")
        assert not left.exists()
        folder.close()
        assert list((tmp_path / "out").iterdir()) == []

    def test_a_living_runs_folder_and_what_only_looks_like_one_stay(self, tmp_path, folder):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "out" / ".hfbench-work-link").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "out" / ".hfbench-work-file").write_text("mine")
        second = WorkFolder(tmp_path / "out")
        second.close()
        assert folder.path.exists()
        assert (tmp_path / "elsewhere").exists()
        assert (tmp_path / "out" / ".hfbench-work-file").read_text() == "mine"
