"""Sources over https: bounded in bytes, time and redirects, and never to an address that is not public.

Every connection is made here: the name is looked up once, each address is judged, and the socket is opened to that
very address. A name that answers differently the second time (DNS rebinding) gains nothing, and every redirect is
judged like the first request. Proxies of the environment are not used, as they would connect in our place.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from hfbench.sources.policy import SourcePolicy, SourceProblem, SourceProblemKind

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

#: Seconds between looks at the caller's wish to stop.
_POLL_SECONDS: Final = 0.25
_CONNECT_SECONDS: Final = 10.0
_CHUNK_BYTES: Final = 64 * 1024
_SHOWN_CHARACTERS: Final = 120
_MAX_PORT: Final = 65_535
_OK: Final = 200
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERRORS: Final = range(500, 600)
# RFC 6052: IPv4 addresses inside IPv6.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

_NETWORK_TROUBLE: Final = (
    httpx.HTTPError,
    httpx.StreamError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


def fetch_source(url: str, *, into: Path | None, policy: SourcePolicy, stop: Callable[[], bool] | None = None) -> Path:
    """Download one source, whole or not at all. Its content is not looked at.

    A URL that was fetched into the folder before is not fetched again.

    Args:
        url: ``https://…``; ``http://…`` where the policy allows it.
        into: the caller's folder; made if absent. None refuses.
        policy: limits and permissions.
        stop: polled several times a second; true ends the download.

    Returns:
        An absolute path in ``into``; its name is made from the URL and holds nothing of it.

    Raises:
        SourceProblem: ``source_refused``, ``fetch_failed`` or ``cancelled``; nothing is left in the folder.
    """
    _check_allowed(url, policy)
    if into is None:
        raise _refused(url, "no folder for downloads was given")
    target = into.absolute() / f"{hashlib.sha256(url.encode(errors='surrogatepass')).hexdigest()[:32]}.media"
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(url, target, _Budget(url, policy, stop or _never))
    except OSError as error:
        raise _failed(url, f"it could not be saved: {error.strerror or error}") from error
    return target


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and so is every IPv4 address that it carries inside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        tunnelled = [each for each in (ip.sixtofour, *(ip.teredo or ())) if each is not None]
        if not all(is_public(str(each)) for each in tunnelled):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


class _Budget:
    """What is left of one download: time, and the caller's patience."""

    def __init__(self, url: str, policy: SourcePolicy, stop: Callable[[], bool]) -> None:
        self.url = url
        self.policy = policy
        self._stop = stop
        self._deadline = time.monotonic() + policy.max_download_seconds

    def check(self) -> float:
        """Seconds left, above 0.

        Raises:
            SourceProblem: no time is left, or the caller wants to stop.
        """
        if self._stop():
            raise SourceProblem(
                SourceProblemKind.CANCELLED, f"source {_shown_url(self.url)}: the download was cancelled"
            )
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _failed(self.url, f"it took more than {self.policy.max_download_seconds:g} s", retryable=True)
        return left


class _BoundedStream(httpcore.NetworkStream):
    """A socket whose every wait is cut into short ones, so that the budget is looked at in between.

    httpx has a limit for each single read only: a server that sends one byte of its headers now and then would hold
    it for ever.
    """

    def __init__(self, inner: httpcore.NetworkStream, budget: _Budget) -> None:
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
                    raise _failed(self._budget.url, f"the server was silent for {stall:g} s", retryable=True) from None

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
    """Opens connections to judged addresses only."""

    def __init__(self, budget: _Budget) -> None:
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
        for address in _permitted_addresses(host, port, self._budget):
            left = min(_CONNECT_SECONDS, self._budget.check())
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
            else:
                return _BoundedStream(stream, self._budget)
        raise _failed(self._budget.url, f"no connection to {host}", retryable=True) from trouble


class _GuardedTransport(httpx.BaseTransport):
    """httpx over the guarded network."""

    def __init__(self, budget: _Budget) -> None:
        # httpx's own choice of certificates, SSL_CERT_FILE and SSL_CERT_DIR included.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=_GuardedNetwork(budget)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
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
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def _download(url: str, target: Path, budget: _Budget) -> None:
    """Save a URL's content as ``target``: a temporary file beside it, renamed once whole."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".fetch-")
    partial = Path(name)
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            # The headers ask for the bytes as they are: a compressed body would be of another size.
            httpx.Client(
                transport=_GuardedTransport(budget), trust_env=False, headers={"accept-encoding": "identity"}
            ) as client,
        ):
            for chunk in _body(client, url, budget):
                file.write(chunk)
        partial.replace(target)
    except (*_NETWORK_TROUBLE, httpx.InvalidURL) as error:
        raise _failed(url, f"the connection broke: {error or type(error).__name__}", retryable=True) from error
    finally:
        partial.unlink(missing_ok=True)


def _body(client: httpx.Client, url: str, budget: _Budget) -> Iterator[bytes]:
    """The content in pieces, after every redirect, up to the limit of bytes."""
    request = client.build_request("GET", url)
    for _ in range(budget.policy.max_redirects + 1):
        response = client.send(request, stream=True)
        try:
            if response.next_request is None:
                yield from _limited(response, budget)
                return
            request = response.next_request
            _check_allowed(str(request.url), budget.policy, asked=url)
        finally:
            response.close()
    raise _failed(url, f"more than {budget.policy.max_redirects} redirects")


def _limited(response: httpx.Response, budget: _Budget) -> Iterator[bytes]:
    limit = budget.policy.max_download_bytes
    if response.status_code != _OK:
        retryable = response.status_code == _TOO_MANY_REQUESTS or response.status_code in _SERVER_ERRORS
        raise _failed(budget.url, f"the server answered HTTP {response.status_code}", retryable=retryable)
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise _failed(budget.url, "the server sent a compressed body that was not asked for")
    declared = response.headers.get("content-length", "")
    received = 0
    if declared.isdigit() and int(declared) > limit:
        raise _failed(budget.url, f"it has {declared} bytes; allowed: at most {limit}")
    for chunk in response.iter_raw(_CHUNK_BYTES):
        budget.check()
        received += len(chunk)
        if received > limit:
            raise _failed(budget.url, f"it has more than the {limit} bytes that are allowed")
        yield chunk


def _permitted_addresses(host: str, port: int, budget: _Budget) -> tuple[str, ...]:
    """The addresses of a host that the policy allows, in the resolver's order; at least one."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _failed(budget.url, f"the host {host!r} is not known", retryable=True) from error
    addresses = tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if budget.policy.allow_private_addresses:
        return addresses
    public = tuple(address for address in addresses if is_public(address))
    if not public:
        raise _refused(budget.url, f"{host} has no public address ({', '.join(addresses)})")
    return public


def _check_allowed(url: str, policy: SourcePolicy, *, asked: str = "") -> None:
    """Judge a URL by what it says; its address is judged when the connection is made."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise _refused(asked or url, "it is not a URL") from error
    hop = " (redirected)" if asked else ""
    if policy.confined:
        raise _refused(asked or url, "the run is confined to the project root")
    if not policy.allow_network:
        raise _refused(asked or url, "the network is not allowed")
    if parsed.scheme not in ({"https", "http"} if policy.allow_http else {"https"}):
        raise _refused(asked or url, f"{parsed.scheme}:// is not allowed{hop}; allowed: https://")
    if not parsed.host or not 0 < (parsed.port or 443) <= _MAX_PORT:
        raise _refused(asked or url, "it names no host, or no port, that there can be")


def _refused(url: str, why: str) -> SourceProblem:
    return SourceProblem(SourceProblemKind.SOURCE_REFUSED, f"source {_shown_url(url)} was refused: {why}")


def _failed(url: str, why: str, *, retryable: bool = False) -> SourceProblem:
    msg = f"source {_shown_url(url)} could not be fetched: {why}"
    return SourceProblem(SourceProblemKind.FETCH_FAILED, msg, retryable=retryable)


def _shown_url(url: str) -> str:
    """Scheme, host and path only: queries and user names hold signatures and passwords."""
    bare = url.partition("?")[0].partition("#")[0]
    scheme, _, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    text = f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")


def _never() -> bool:
    return False
