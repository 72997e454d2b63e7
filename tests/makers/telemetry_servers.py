"""HTTP servers on 127.0.0.1 that stand in for PostHog and for an OTLP collector, well and badly behaved."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType


@dataclass(frozen=True)
class Request:
    path: str
    headers: str
    body: bytes


class FakeServer:
    """Records what it gets. ``status`` is its answer to everything; None means that it never answers.

    One that ``drips`` sends a header a byte at a time without an end: no time-out between two bytes notices.
    """

    def __init__(self, status: int | None = 200, *, drips: bool = False) -> None:
        self.status = status
        self.drips = drips
        self.requests: list[Request] = []
        self._stop = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def all_bytes(self) -> bytes:
        return b"\n".join(f"{each.path}\n{each.headers}\n".encode() + each.body for each in self.requests)

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                server.requests.append(Request(self.path, str(self.headers), body))
                if server.drips:
                    self._drip()
                    return
                if server.status is None:
                    server._stop.wait()
                    self.close_connection = True
                    return
                answer = b"" if "/v1/" in self.path else b'{"status": 1}'
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def _drip(self) -> None:
                self.close_connection = True
                with contextlib.suppress(OSError):  # the other end went away
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not server._stop.wait(0.05):
                        self.wfile.write(b"x")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
                pass

        return Handler


def refusing_url() -> str:
    """A URL at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def unaccepting_url() -> Iterator[str]:
    """A URL at which connecting takes until it times out: somebody listens, nobody accepts, and the queue is full."""
    with contextlib.ExitStack() as held:
        listening = held.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(8):
            waiting = held.enter_context(socket.socket())
            waiting.settimeout(0.2)
            try:
                waiting.connect(listening.getsockname())
            except TimeoutError:
                break
        else:
            raise RuntimeError("this machine accepts connections for a program that does not")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def posthog_events(server: FakeServer) -> list[dict[str, Any]]:
    posted = (request for request in server.requests if request.path == "/batch/")
    return [event for request in posted for event in json.loads(request.body)["batch"]]


def otlp_spans(server: FakeServer) -> list[Any]:
    """Every span that the collector got, as opentelemetry-proto decodes it."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return [
        span
        for request in server.requests
        if request.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def otlp_metrics(server: FakeServer, which: int = -1) -> dict[str, Any]:
    """The metrics of one export, by name."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    exports = [
        ExportMetricsServiceRequest.FromString(each.body) for each in server.requests if each.path == "/v1/metrics"
    ]
    return {
        metric.name: metric
        for resource in exports[which].resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def plain(attributes: Any) -> dict[str, Any]:
    """OTLP attributes as a dict."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
