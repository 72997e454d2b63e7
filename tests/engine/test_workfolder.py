"""The work folder: an exact high-water mark, releases, the swap into place, and the refusal of foreign folders."""

from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfbench.errors import OutputError
from hfbench.workfolder import WorkFolder, refuse_foreign_folders

stable = settings(
    derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


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


class TestHighWaterMark:
    def test_empty(self, folder):
        assert folder.measure() == (0, 0)

    def test_what_was_released_counts_in_the_peak_only(self, folder):
        big = folder.path / "intermediate.mp4"
        big.write_bytes(bytes(1000))
        folder.settle(big)
        folder.release(big)
        frames = folder.new_folder("frames/0")
        (frames / "frame_00001.jpg").write_bytes(bytes(10))
        assert folder.measure() == (1000, 10)
        assert not big.exists()

    def test_a_release_measures_first_settled_or_not(self, folder):
        one, other = folder.path / "one", folder.path / "other"
        one.write_bytes(bytes(300))
        other.write_bytes(bytes(500))
        folder.release(one)
        folder.release(other)
        assert folder.measure() == (800, 0)

    def test_hard_links_count_once_inside_and_across_settled_folders(self, folder):
        a, b = folder.new_folder("frames/a"), folder.new_folder("frames/b")
        (a / "frame_00001.jpg").write_bytes(bytes(100))
        os.link(a / "frame_00001.jpg", a / "frame_00002.jpg")
        os.link(a / "frame_00001.jpg", b / "frame_00001.jpg")
        assert folder.measure() == (100, 100)
        folder.settle(b)
        assert folder.measure() == (100, 100)
        folder.settle(a)
        assert folder.measure() == (100, 100)

    def test_a_symbolic_link_is_not_followed(self, folder, tmp_path):
        (tmp_path / "elsewhere").write_bytes(bytes(10_000))
        (folder.path / "link").symlink_to(tmp_path / "elsewhere")
        assert folder.measure()[0] < 10_000

    def test_a_released_folder_is_gone_with_all_in_it(self, folder):
        sub = folder.new_folder("a/b")
        (sub / "x").write_bytes(bytes(7))
        folder.settle(folder.path / "a")
        folder.release(folder.path / "a")
        assert folder.measure() == (7, 0)
        assert os.listdir(folder.path) == []

    def test_releasing_what_is_not_there_is_nothing(self, folder):
        folder.release(folder.path / "absent")
        folder.settle(folder.path / "absent")
        assert folder.measure() == (0, 0)

    def test_a_new_file_on_a_freed_inode_counts(self, folder, monkeypatch):
        """File systems give the number of a deleted file to the next one: ext4 does so at once."""
        numbers = _reuse_inodes(monkeypatch)
        first = folder.path / "intermediate.mp4"
        first.write_bytes(bytes(1000))
        folder.settle(first)
        folder.release(first)
        frames = folder.new_folder("frames/0")
        (frames / "frame_00001.jpg").write_bytes(bytes(600))
        numbers[str(frames / "frame_00001.jpg")] = numbers[str(first)]
        folder.settle(frames)
        assert folder.measure() == (1000, 600)

    @stable
    @given(st.lists(st.tuples(st.sampled_from("wwwlsr"), st.integers(1, 5000), st.integers(0, 99)), max_size=40))
    def test_any_order_of_writes_links_settlings_and_releases(self, tmp_path_factory, steps):
        """Held against a walk of the disk after each step: bytes now, and the highest that was ever seen."""
        work = WorkFolder(tmp_path_factory.mktemp("any"))
        highest, settled = 0, set()
        try:
            for number, (step, size, pick) in enumerate(steps):
                files = sorted(path for path in work.path.iterdir())
                chosen = files[pick % len(files)] if files else None
                if step == "w" or chosen is None:
                    (work.path / f"f{number:03d}").write_bytes(bytes(size))
                elif step == "l":
                    os.link(chosen, work.path / f"f{number:03d}")
                elif step == "s" and chosen not in settled:
                    work.settle(chosen)
                    settled.add(chosen)
                elif step == "r" and os.lstat(chosen).st_nlink == 1:
                    work.release(chosen)
                highest = max(highest, bytes_on_disk(work.path))
                assert work.measure() == (highest, bytes_on_disk(work.path))
        finally:
            work.close()

    def test_threads_that_write_and_release_at_once_never_lose_the_peak(self, folder):
        """The mark may not be below what any other observer saw."""
        stop, seen = threading.Event(), [0]

        def work(seed: int) -> None:
            draw = random.Random(seed)
            for number in range(25):
                path = folder.path / f"{seed}-{number}"
                path.write_bytes(bytes(draw.randint(1, 20_000)))
                folder.settle(path)
                if draw.random() < 0.7:
                    folder.release(path)

        def watch() -> None:
            while not stop.is_set():
                try:
                    seen[0] = max(seen[0], bytes_on_disk(folder.path))
                except FileNotFoundError:  # deleted between the listing and the look
                    continue

        watcher = threading.Thread(target=watch)
        workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        watcher.start()
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        stop.set()
        watcher.join()
        peak, now = folder.measure()
        assert now == bytes_on_disk(folder.path)
        assert peak >= max(seen[0], now)


def _reuse_inodes(monkeypatch) -> dict[str, int]:
    """Let ``lstat`` tell inode numbers of our choice, by path; others keep their own."""
    numbers: dict[str, int] = {}
    real = Path.lstat

    def lstat(self: Path) -> os.stat_result:
        status = real(self)
        values = list(status)
        values[1] = numbers.setdefault(str(self), status.st_ino)
        return os.stat_result(values)

    monkeypatch.setattr(Path, "lstat", lstat)
    return numbers


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
        with pytest.raises(OutputError, match=r"which is no frame"):
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
