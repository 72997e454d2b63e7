"""From ``src`` to a regular file."""

from __future__ import annotations

import os
import pickle
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfbench.errors import OptionsError
from hfbench.sources import SourcePolicy, SourceProblem, SourceProblemKind, is_remote, resolve_source
from hfbench.sources.resolve import clamp

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Speed is not what these show, and the machine may be busy.
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

CONFINED = SourcePolicy(confined=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "assets").mkdir(parents=True)
    for name in ("x.mp4", "assets/a.mp4", "assets/a b.mp4", "assets/deep.mp4"):
        (project / name).write_bytes(b"inside")
    (tmp_path / "x.mp4").write_bytes(b"outside")
    (tmp_path / "secret.mp4").write_bytes(b"outside")
    return project


def resolve(src: str, root: Path, policy: SourcePolicy | None = None, *, absolute_ok: bool = True) -> Path:
    return resolve_source(src, root=root, policy=policy or SourcePolicy(), absolute_ok=absolute_ok)


def problem(src: str, root: Path, policy: SourcePolicy | None = None, *, absolute_ok: bool = True) -> SourceProblem:
    with pytest.raises(SourceProblem) as caught:
        resolve(src, root, policy, absolute_ok=absolute_ok)
    assert caught.value.message.isprintable()
    return caught.value


@pytest.mark.parametrize(
    ("src", "name"),
    [
        ("assets/a.mp4?v=1", "assets/a.mp4"),
        ("assets/a.mp4#t=3", "assets/a.mp4"),
        ("assets/a.mp4?v=1#t=3", "assets/a.mp4"),
        ("assets/a%20b.mp4", "assets/a b.mp4"),
        ("assets%2Fa%20b.mp4?v=%20", "assets/a b.mp4"),
        ("/assets/a.mp4", "assets/a.mp4"),
        ("/assets/a.mp4?v=1", "assets/a.mp4"),
        ("../assets/a.mp4", "assets/a.mp4"),
        ("../../../../x.mp4", "x.mp4"),
        ("assets/../../x.mp4", "x.mp4"),
        ("%2e%2e/x.mp4", "x.mp4"),
        ("./assets//./a.mp4", "assets/a.mp4"),
        ("file:///assets/a.mp4", "assets/a.mp4"),
        ("FILE://localhost/assets/a%20b.mp4?v=1", "assets/a b.mp4"),
        ("file:///../x.mp4", "x.mp4"),
    ],
)
@pytest.mark.parametrize("policy", [SourcePolicy(), CONFINED])
@pytest.mark.parametrize("absolute_ok", [True, False])
def test_query_escapes_root_relative_and_parents(
    root: Path, src: str, name: str, policy: SourcePolicy, *, absolute_ok: bool
) -> None:
    """`?v=1`, `%20`, `/assets/a.mp4`, `../` and `file://` are resolved, clamped at the project root."""
    assert resolve(src, root, policy, absolute_ok=absolute_ok) == root / name


@pytest.mark.parametrize("name", ["a.mp4?v=1", "a%20b.mp4", "a#b.mp4", "100%.mp4", "%zz.mp4", "a?b#c%20d.mp4"])
def test_the_literal_name_comes_first(root: Path, name: str) -> None:
    (root / name).write_bytes(b"literal")
    assert resolve(name, root) == root / name


def test_an_escaped_question_mark_belongs_to_the_name(root: Path) -> None:
    (root / "what?.mp4").write_bytes(b"")
    assert resolve("what%3F.mp4?v=1", root) == root / "what?.mp4"


def test_an_absolute_path_that_exists_is_taken_as_it_is_in_json_only(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.mp4"
    assert resolve(str(outside), root) == outside
    assert problem(str(outside), root, absolute_ok=False).kind is SourceProblemKind.SOURCE_MISSING
    inside = root / "x.mp4"
    assert resolve(str(inside), root, absolute_ok=False) == inside
    assert resolve(inside.as_uri(), root) == inside


def test_a_file_url_never_leaves_the_root(root: Path, tmp_path: Path) -> None:
    assert problem((tmp_path / "secret.mp4").as_uri(), root).kind is SourceProblemKind.SOURCE_MISSING
    assert problem(f"{root.as_uri()}/../secret.mp4", root).kind is SourceProblemKind.SOURCE_MISSING
    assert problem("file://server/share/x.mp4", root).kind is SourceProblemKind.SOURCE_REFUSED


def test_confined_refuses_whatever_lies_outside(root: Path, tmp_path: Path) -> None:
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (root / "folder").symlink_to(tmp_path)
    (root / "near.mp4").symlink_to("assets/a.mp4")
    for src in (str(tmp_path / "secret.mp4"), "link.mp4", "folder/secret.mp4"):
        assert resolve(src, root).read_bytes() == b"outside"
        refused = problem(src, root, CONFINED)
        assert refused.kind is SourceProblemKind.SOURCE_REFUSED
        assert "outside the project root" in refused.message
    assert resolve("near.mp4", root, CONFINED) == root / "assets" / "a.mp4"
    assert problem("https://example.com/x.mp4", root, CONFINED).kind is SourceProblemKind.SOURCE_REFUSED


def test_a_root_that_is_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert resolve("x.mp4", tmp_path / "alias") == tmp_path / "alias" / "x.mp4"
    assert resolve("x.mp4", tmp_path / "alias", CONFINED) == root / "x.mp4"
    assert resolve((root / "x.mp4").as_uri(), tmp_path / "alias") == root / "x.mp4"


def test_the_path_is_absolute_even_for_a_relative_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert resolve("x.mp4", Path("project")) == root / "x.mp4"
    assert resolve("../x.mp4", Path("project/assets/..")) == root / "x.mp4"


@pytest.fixture
def odd_files(root: Path) -> Iterator[Path]:
    os.mkfifo(root / "fifo.mp4")
    (root / "null.mp4").symlink_to("/dev/null")
    (root / "dangling.mp4").symlink_to("nowhere")
    (root / "loop.mp4").symlink_to("loop.mp4")
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(root)  # the path of a socket must be short
        try:
            listener.bind("socket.mp4")
        finally:
            os.chdir(here)
        yield root


@pytest.mark.parametrize(
    ("src", "kind", "words"),
    [
        ("fifo.mp4", "not_a_regular_file", "is a FIFO"),
        ("socket.mp4", "not_a_regular_file", "is a socket"),
        ("null.mp4", "not_a_regular_file", "is a device"),
        ("/dev/zero", "not_a_regular_file", "is a device"),
        ("assets", "not_a_regular_file", "is a folder"),
        ("/", "not_a_regular_file", "is a folder"),
        ("..", "not_a_regular_file", "is a folder"),
        ("?v=1", "not_a_regular_file", "is a folder"),
        ("dangling.mp4", "source_missing", "is a link that leads nowhere"),
        ("loop.mp4", "source_missing", "is a link that leads back to itself"),
        ("none.mp4", "source_missing", "does not exist"),
        ("x.mp4/none", "source_missing", "does not exist"),
        ("n" * 5000, "source_missing", "does not exist"),
        ("a\0b", "source_missing", "does not exist"),
        ("a%00b", "source_missing", "does not exist"),
    ],
)
def test_fifo_socket_device_directory_and_links(odd_files: Path, src: str, kind: str, words: str) -> None:
    """Nothing is opened before it is known to be a regular file."""
    found = problem(src, odd_files)
    assert found.kind == kind
    assert words in found.message
    assert len(found.message) < 500


def test_missing_file_says_where_it_was_looked_for(root: Path) -> None:
    assert "project/none.mp4'" in problem("none.mp4?v=1", root).message


NAMES = [
    "new\nline.mp4",
    "🎬.mp4",
    "\udcff\udcfe.mp4",
    "-i.mp4",
    "quote'\".mp4",
    "*?[a].mp4",
    "%05d.mp4",
    "concat:a|b",
    "data:video",
    "http:x",
    "cache:x.mp4",
    "async:x.mp4",
    "subfile,,start,0,end,1,,:x",
    " space ",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", [SourcePolicy(), CONFINED])
def test_odd_names_of_files_that_exist(root: Path, name: str, policy: SourcePolicy) -> None:
    (root / name).write_bytes(b"odd")
    found = resolve(name, root, policy)
    assert found == root / name
    assert found.is_absolute()


@pytest.mark.parametrize("src", ["\udcff.mp4", "%FF.mp4"])
def test_a_name_that_is_not_utf8(root: Path, src: str) -> None:
    (root / os.fsdecode(b"\xff.mp4")).write_bytes(b"odd")
    assert os.fsencode(resolve(src, root)).endswith(b"/\xff.mp4")


@pytest.mark.parametrize(
    "src",
    ["concat:x.mp4|x.mp4", "data:video/mp4;base64,AAAA", "http:x", "https:/x", "cache:x.mp4", "async:x.mp4",
     "file:x.mp4", "subfile:x.mp4", "pipe:0", "rtmp://h/x", "ftp://h/x", "blob:null/1", "javascript:x"],
)  # fmt: skip
def test_protocols_are_never_opened(root: Path, src: str) -> None:
    found = problem(src, root)
    assert found.kind is SourceProblemKind.SOURCE_REFUSED
    assert "are not opened" in found.message


def test_a_file_that_may_not_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert "may not be read" in problem("x.mp4", root).message


def test_a_folder_that_may_not_be_searched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_path: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", denied)
    found = problem("x.mp4", root)
    assert found.kind is SourceProblemKind.SOURCE_MISSING
    assert "may not be read" in found.message


segments = st.sampled_from(["..", ".", "", "a", "assets", "%2e%2e", "x.mp4", "..."]) | st.text(max_size=5)


@in_one_folder
@given(st.lists(segments, max_size=12).map("/".join))
def test_clamp_never_leaves_the_root(path: str) -> None:
    place = clamp(path, Path("/srv/project"))
    assert ".." not in place.parts
    assert place.is_relative_to("/srv/project")


def test_negative_control_plain_joining_leaves_the_root() -> None:
    joined = Path(os.path.normpath(Path("/srv/project") / "../x"))
    assert not joined.is_relative_to("/srv/project")


@in_one_folder
@given(
    prefix=st.sampled_from(["", "/", "file://", "file:///", "../", "%2e%2e/", "~/", "//", "\\"]),
    path=st.lists(segments, max_size=8).map("/".join),
    suffix=st.sampled_from(["", "?v=1", "#t", "/", "/../secret.mp4", "%00"]),
    absolute_ok=st.booleans(),
)
def test_a_confined_run_never_opens_what_lies_outside(
    root: Path, prefix: str, path: str, suffix: str, *, absolute_ok: bool
) -> None:
    try:
        found = resolve(prefix + path + suffix, root, CONFINED, absolute_ok=absolute_ok)
    except SourceProblem as refused:
        assert refused.message.isprintable()  # noqa: PT017
    else:
        assert found.read_bytes() == b"inside"


@pytest.mark.parametrize(
    ("src", "remote"), [("http://h/x", True), ("HTTPS://h", True), ("http:x", False), ("x.mp4", False)]
)
def test_is_remote(src: str, *, remote: bool) -> None:
    assert is_remote(src) is remote


@pytest.mark.parametrize(
    "limits",
    [
        {"max_download_bytes": 0},
        {"max_download_seconds": 0},
        {"max_stall_seconds": float("nan")},
        {"max_redirects": -1},
    ],
)
def test_policy_limits_are_checked(limits: dict[str, float]) -> None:
    with pytest.raises(OptionsError, match=f"^{next(iter(limits))}: .*allowed: "):
        SourcePolicy(**limits)  # type: ignore[arg-type]


def test_a_problem_pickles_whole(root: Path) -> None:
    found = problem("none.mp4", root)
    again = pickle.loads(pickle.dumps(found))
    assert (again.kind, again.message, again.retryable) == (found.kind, found.message, found.retryable)
