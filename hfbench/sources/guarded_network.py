"""httpx over connections of our own: to checked addresses only, and bounded in time.

Every connection is made here: the name is looked up once, each address is checked, and the socket is opened to that
very address. A name that answers differently the second time (DNS rebinding) gains nothing. Proxies of the environment
are not used, as they would connect in our place.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from hfbench.sources.addresses import permitted_addresses
from hfbench.sources.urls import failed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from hfbench.sources.budget import Budget

#: Seconds between looks at whether the caller still wants the download.
_POLL_SECONDS: Final = 0.25
_CONNECT_SECONDS: Final = 10.0

#: What a request over this transport raises when the network or the server fails.
NETWORK_ERRORS: Final = (
    httpx.HTTPError,
    httpx.StreamError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class _BoundedStream(httpcore.NetworkStream):
    """A socket whose every wait is cut into short ones, so that the budget is checked in between.

    httpx has a limit for each single read only: a server that sends one byte of its headers now and then would hold
    it for ever.
    """

    def __init__(self, inner: httpcore.NetworkStream, budget: Budget) -> None:
        self._inner = inner
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        stall = self._budget.policy.max_stall_seconds
        silent_until = time.monotonic() + stall
        while True:
            left = self._budget.check()
            try:
                return self._inner.read(max_bytes, timeout=min(_POLL_SECONDS, left))
            except httpcore.ReadTimeout:
                if time.monotonic() >= silent_until:
                    raise failed(self._budget.url, f"the server was silent for {stall:g} s", retryable=True) from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._inner.write(buffer, timeout=min(self._budget.policy.max_stall_seconds, self._budget.check()))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        del timeout
        left = min(_CONNECT_SECONDS, self._budget.check())
        return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._budget)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _GuardedNetwork(httpcore.NetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        del timeout
        trouble: Exception | None = None
        for address in permitted_addresses(host, port, self._budget):
            left = min(_CONNECT_SECONDS, self._budget.check())
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
            else:
                return _BoundedStream(stream, self._budget)
        raise failed(self._budget.url, f"no connection to {host}", retryable=True) from trouble


class GuardedTransport(httpx.BaseTransport):
    """httpx over the guarded network."""

    def __init__(self, budget: Budget) -> None:
        # httpx's own choice of certificates, SSL_CERT_FILE and SSL_CERT_DIR included.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=_GuardedNetwork(budget)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the answer is read as it is iterated over."""
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.read(),
            )
        )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
