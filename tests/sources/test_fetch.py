"""Sources over the network, against real servers on this machine. Waits are bounded; nothing asserts a speed."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpcore
import pytest

from hfbench.sources import SourcePolicy, SourceProblem, SourceProblemKind, addresses, resolve_source
from hfbench.sources.addresses import is_public
from hfbench.sources.budget import Budget
from hfbench.sources.fetch import fetch_source
from hfbench.sources.urls import check_allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BODY = b"\x00\x00\x00\x20ftypisom" * 1000
LOCAL = SourcePolicy(
    allow_http=True,
    allow_private_addresses=True,
    max_download_bytes=1_000_000,
    max_download_seconds=20,
    max_stall_seconds=10,
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        self.close_connection = True
        with contextlib.suppress(ConnectionError, TimeoutError):
            ANSWERS[self.path.partition("?")[0]](self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Keep the test output clean."""

    def begin(self, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("connection", "close")
        self.end_headers()

    def redirect(self, location: str, status: int = 302) -> None:
        self.begin(status, location=location, content_length=0)

    def drip(self, piece: bytes) -> None:
        """Send a piece again and again until the client leaves or the test ends."""
        while not self.server.over.wait(0.02):
            self.wfile.write(piece)
            self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[str] = []
        self.over = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves early is what many of these tests are about."""


def whole(handler: Handler) -> None:
    handler.begin(content_length=len(BODY))
    handler.wfile.write(BODY)


def without_length(handler: Handler) -> None:
    handler.begin()
    handler.wfile.write(BODY)


def endless(handler: Handler) -> None:
    handler.begin()
    handler.drip(b"x" * 100_000)


def slow_body(handler: Handler) -> None:
    handler.begin(content_length=900_000)
    handler.drip(b"x")


def slow_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    handler.drip(b"x")


def silent(handler: Handler) -> None:
    handler.server.over.wait(30)


def cut_off(handler: Handler) -> None:
    handler.begin(content_length=len(BODY) + 1)
    handler.wfile.write(BODY)


def compressed(handler: Handler) -> None:
    handler.begin(content_length=3, content_encoding="gzip")
    handler.wfile.write(b"abc")


ANSWERS: dict[str, Callable[[Handler], None]] = {
    "/a.mp4": whole,
    "/stream.mp4": without_length,
    "/declared-large": lambda handler: handler.begin(content_length=1_000_001),
    "/endless": endless,
    "/slow-body": slow_body,
    "/slow-headers": slow_headers,
    "/silent": silent,
    "/cut-off": cut_off,
    "/compressed": compressed,
    "/garbage": lambda handler: handler.wfile.write(b"\0\1\2 this is not HTTP\r\n\r\n") and None,
    "/missing": lambda handler: handler.begin(404, content_length=0),
    "/busy": lambda handler: handler.begin(503, content_length=0),
    "/partial": lambda handler: handler.begin(206, content_length=0),
    "/moved": lambda handler: handler.redirect("/a.mp4", 301),
    "/moved-twice": lambda handler: handler.redirect("/moved", 307),
    "/round": lambda handler: handler.redirect("/round"),
    "/to-file": lambda handler: handler.redirect("file:///etc/passwd"),
    "/to-ftp": lambda handler: handler.redirect("ftp://127.0.0.1/x"),
    "/to-nothing": lambda handler: handler.redirect("http://"),
    "/to-private": lambda handler: handler.redirect(f"http://10.0.0.1:{handler.server.server_address[1]}/a.mp4"),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield running
        finally:
            running.over.set()
            running.shutdown()
            thread.join()


def problem(url: str, into: Path, policy: SourcePolicy = LOCAL, **options: Any) -> SourceProblem:
    """The refusal of a URL; nothing may be left behind."""
    with pytest.raises(SourceProblem) as caught:
        fetch_source(url, into=into, policy=policy, **options)
    assert not into.exists() or list(into.iterdir()) == []
    assert caught.value.message.isprintable()
    return caught.value


@pytest.mark.parametrize("path", ["/a.mp4", "/stream.mp4", "/moved", "/moved-twice", "/a.mp4?token=secret#t=1"])
def test_a_source_is_fetched_whole(server: Server, tmp_path: Path, path: str) -> None:
    found = resolve_source(server.url(path), root=tmp_path, policy=LOCAL, download_into=tmp_path / "fetched")
    assert found.is_absolute()
    assert found.read_bytes() == BODY
    assert list((tmp_path / "fetched").iterdir()) == [found]
    assert "secret" not in found.name


def test_a_source_is_fetched_once_for_each_folder(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        fetch_source(server.url("/a.mp4"), into=tmp_path, policy=LOCAL)
    assert server.seen == ["/a.mp4"]
    fetch_source(server.url("/a.mp4?v=2"), into=tmp_path, policy=LOCAL)
    assert len(list(tmp_path.iterdir())) == 2


def test_several_at_once(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fetch_source(server.url("/a.mp4"), into=tmp_path, policy=LOCAL), range(8)))
    assert len(set(found)) == 1
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [BODY]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"allow_http": False}, "http:// is not allowed; allowed: https://"),
        ({"allow_private_addresses": False}, "no public address (127.0.0.1)"),
        ({"allow_network": False}, "the network is not allowed"),
        ({"confined": True}, "confined to the project root"),
    ],
)
def test_refused_unless_allowed(server: Server, tmp_path: Path, changes: dict[str, bool], words: str) -> None:
    """By default: https only, and no private addresses."""
    allowed = {"allow_http": True, "allow_private_addresses": True, "allow_network": True, "confined": False}
    found = problem(server.url("/a.mp4"), tmp_path / "into", SourcePolicy(**(allowed | changes)))
    assert found.kind is SourceProblemKind.SOURCE_REFUSED
    assert words in found.message
    assert not found.retryable
    assert server.seen == []


def test_without_a_folder_nothing_is_fetched(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceProblem, match="no folder for downloads"):
        resolve_source(server.url("/a.mp4"), root=tmp_path, policy=LOCAL)
    assert server.seen == []


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_every_spelling_of_loopback_is_refused(server: Server, tmp_path: Path, host: str) -> None:
    url = f"http://{host}:{server.server_address[1]}/a.mp4"
    found = problem(url, tmp_path, SourcePolicy(allow_http=True))
    assert found.kind in {SourceProblemKind.SOURCE_REFUSED, SourceProblemKind.FETCH_FAILED}
    assert server.seen == []


def answer_with(*rounds: list[str]) -> Callable[..., list[Any]]:
    """A resolver that gives each list of addresses in turn, then the last for ever."""
    left = list(rounds)

    def getaddrinfo(_host: str, port: int, **_options: Any) -> list[Any]:
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


def test_a_redirect_is_judged_like_the_first_request(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first host counts as public here; the one that it sends us to does not.
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    found = problem(server.url("/to-private"), tmp_path, SourcePolicy(allow_http=True))
    assert found.kind is SourceProblemKind.SOURCE_REFUSED
    assert "10.0.0.1 has no public address" in found.message
    assert server.seen == ["/to-private"]


@pytest.mark.parametrize("path", ["/to-file", "/to-ftp", "/to-nothing"])
def test_a_redirect_to_another_scheme(server: Server, tmp_path: Path, path: str) -> None:
    found = problem(server.url(path), tmp_path)
    if path != "/to-nothing":
        assert found.kind is SourceProblemKind.SOURCE_REFUSED
        assert "is not allowed (redirected)" in found.message
    assert server.seen == [path]


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(SourceProblem, match=r"http:// is not allowed \(redirected\)"):
        check_allowed("http://example.com/x", SourcePolicy(), asked="https://example.com/x")


def test_the_connection_goes_to_the_address_that_was_judged(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a public answer first, a private one for whoever asks again."""
    monkeypatch.setattr(socket, "getaddrinfo", answer_with(["93.184.216.34"], ["127.0.0.1"]))
    asked: list[str] = []

    def connect(_self: Any, host: str, *_rest: Any) -> Any:
        asked.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    url = f"http://rebind.test:{server.server_address[1]}/a.mp4"
    assert problem(url, tmp_path, SourcePolicy(allow_http=True)).kind is SourceProblemKind.FETCH_FAILED
    assert asked == ["93.184.216.34"]
    # Negative control: by the second answer the host is private, and the same call is refused.
    assert problem(url, tmp_path, SourcePolicy(allow_http=True)).kind is SourceProblemKind.SOURCE_REFUSED


def test_private_addresses_beside_public_ones_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answer_with(["10.0.0.1", "93.184.216.34", "127.0.0.1"]))
    budget = Budget("https://h/x", SourcePolicy(), lambda: False)
    assert addresses.permitted_addresses("h", 443, budget) == ("93.184.216.34",)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::",
     "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
     "2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "::127.0.0.1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("path", "words", "retryable"),
    [
        ("/declared-large", "it has 1000001 bytes; allowed: at most 1000000", False),
        ("/endless", "more than the 1000000 bytes that are allowed", False),
        ("/cut-off", "the connection broke", True),
        ("/compressed", "compressed body", False),
        ("/garbage", "the connection broke", True),
        ("/missing", "HTTP 404", False),
        ("/busy", "HTTP 503", True),
        ("/partial", "HTTP 206", False),
        ("/round", "more than 5 redirects", False),
    ],
)
def test_what_does_not_come_whole(server: Server, tmp_path: Path, path: str, words: str, *, retryable: bool) -> None:
    """Limits of size, time and redirects."""
    found = problem(server.url(path), tmp_path)
    assert found.kind is SourceProblemKind.FETCH_FAILED
    assert words in found.message
    assert found.retryable is retryable
    assert len(server.seen) == (6 if path == "/round" else 1)


@pytest.mark.parametrize("limit", [len(BODY), len(BODY) - 1])
@pytest.mark.parametrize("path", ["/a.mp4", "/stream.mp4"])
def test_the_size_limit_is_exact(server: Server, tmp_path: Path, path: str, limit: int) -> None:
    policy = SourcePolicy(allow_http=True, allow_private_addresses=True, max_download_bytes=limit)
    if limit == len(BODY):
        assert fetch_source(server.url(path), into=tmp_path, policy=policy).stat().st_size == limit
    else:
        assert problem(server.url(path), tmp_path, policy).kind is SourceProblemKind.FETCH_FAILED


@pytest.mark.parametrize("path", ["/slow-body", "/slow-headers", "/silent"])
def test_the_total_time_is_limited(server: Server, tmp_path: Path, path: str) -> None:
    policy = SourcePolicy(allow_http=True, allow_private_addresses=True, max_download_seconds=0.6)
    found = problem(server.url(path), tmp_path, policy)
    assert "took more than 0.6 s" in found.message
    assert found.retryable


def test_silence_is_limited(server: Server, tmp_path: Path) -> None:
    policy = SourcePolicy(allow_http=True, allow_private_addresses=True, max_stall_seconds=0.3)
    assert "silent for 0.3 s" in problem(server.url("/silent"), tmp_path, policy).message


@pytest.mark.parametrize("path", ["/silent", "/slow-headers", "/slow-body", "/endless"])
def test_a_download_can_be_stopped(server: Server, tmp_path: Path, path: str) -> None:
    policy = SourcePolicy(allow_http=True, allow_private_addresses=True)
    found = problem(server.url(path), tmp_path, policy, stop=lambda: bool(server.seen))
    assert found.kind is SourceProblemKind.CANCELLED


def test_a_host_that_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: Any, **_options: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "is not known" in problem("https://nobody.invalid/x", tmp_path).message


def test_a_port_that_nobody_listens_on(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "no connection to 127.0.0.1" in problem(f"http://127.0.0.1:{port}/x", tmp_path).message


def test_https_checks_the_certificate_of_the_host(server: Server, tmp_path: Path) -> None:
    # A server that speaks no TLS stands for every one that can't prove its name.
    url = server.url("/a.mp4").replace("http:", "https:")
    assert problem(url, tmp_path).kind is SourceProblemKind.FETCH_FAILED
    assert server.seen == []


def test_a_folder_that_can_not_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceProblem, match="it could not be saved"):
        fetch_source(server.url("/a.mp4"), into=tmp_path / "file", policy=LOCAL)


@pytest.mark.parametrize("url", ["https://", "https:///x", "https://[::1", "https://h:99999/x", "https://\udcff/x"])
def test_what_is_no_url(tmp_path: Path, url: str) -> None:
    assert problem(url, tmp_path).kind is SourceProblemKind.SOURCE_REFUSED


def test_messages_hold_no_secrets(tmp_path: Path) -> None:
    message = problem(
        "http://user:password@example.com/a.mp4?signature=secret#secret", tmp_path, SourcePolicy()
    ).message
    assert "'http://example.com/a.mp4'" in message
    assert "secret" not in message
    assert "password" not in message


def test_proxies_of_the_environment_are_not_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch_source(server.url("/a.mp4"), into=tmp_path, policy=LOCAL).read_bytes() == BODY
