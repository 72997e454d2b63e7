"""Sources over https: bounded in bytes, time and redirects. Every redirect is checked like the first request."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from hfbench.sources.budget import Budget
from hfbench.sources.guarded_network import NETWORK_ERRORS, GuardedTransport
from hfbench.sources.urls import check_allowed, failed, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hfbench.sources.policy import SourcePolicy

_CHUNK_BYTES: Final = 64 * 1024


def fetch_source(url: str, *, into: Path | None, policy: SourcePolicy, stop: Callable[[], bool] | None = None) -> Path:
    """Download one source, whole or not at all. Its content is not looked at.

    A URL that was fetched into the folder before is not fetched again.

    Args:
        url: ``https://…``; ``http://…`` where the policy allows it.
        into: the caller's folder; made if absent. None refuses.
        policy: limits and permissions.
        stop: polled several times a second; true ends the download.

    Returns:
        An absolute path in ``into``; its name is derived from the URL without revealing any of it.

    Raises:
        SourceProblem: ``source_refused``, ``fetch_failed`` or ``cancelled``; nothing is left in the folder.
    """
    check_allowed(url, policy)
    if into is None:
        raise refused(url, "no folder for downloads was given")
    target = into.absolute() / f"{hashlib.sha256(url.encode(errors='surrogatepass')).hexdigest()[:32]}.media"
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(url, target, Budget(url, policy, stop or (lambda: False)))
    except OSError as error:
        raise failed(url, f"it could not be saved: {error.strerror or error}") from error
    return target


def _download(url: str, target: Path, budget: Budget) -> None:
    """Save a URL's content as ``target``: a temporary file next to it, renamed when complete."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".fetch-")
    partial = Path(name)
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            # The headers ask for the bytes as they are: a compressed body would be of another size.
            httpx.Client(
                transport=GuardedTransport(budget), trust_env=False, headers={"accept-encoding": "identity"}
            ) as client,
        ):
            for chunk in _body(client, url, budget):
                file.write(chunk)
        partial.replace(target)
    except (*NETWORK_ERRORS, httpx.InvalidURL) as error:
        raise failed(url, f"the connection broke: {error or type(error).__name__}", retryable=True) from error
    finally:
        partial.unlink(missing_ok=True)


def _body(client: httpx.Client, url: str, budget: Budget) -> Iterator[bytes]:
    """The content in pieces, after every redirect, up to the limit of bytes."""
    request = client.build_request("GET", url)
    for _ in range(budget.policy.max_redirects + 1):
        response = client.send(request, stream=True)
        try:
            if response.next_request is None:
                yield from _limited(response, budget)
                return
            request = response.next_request
            check_allowed(str(request.url), budget.policy, asked=url)
        finally:
            response.close()
    raise failed(url, f"more than {budget.policy.max_redirects} redirects")


def _limited(response: httpx.Response, budget: Budget) -> Iterator[bytes]:
    limit = budget.policy.max_download_bytes
    if response.status_code != 200:
        retryable = response.status_code == 429 or response.status_code in range(500, 600)
        raise failed(budget.url, f"the server answered HTTP {response.status_code}", retryable=retryable)
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise failed(budget.url, "the server sent a compressed body that was not asked for")
    declared = response.headers.get("content-length", "")
    received = 0
    if declared.isdigit() and int(declared) > limit:
        raise failed(budget.url, f"it has {declared} bytes; allowed: at most {limit}")
    for chunk in response.iter_raw(_CHUNK_BYTES):
        budget.check()
        received += len(chunk)
        if received > limit:
            raise failed(budget.url, f"it has more than the {limit} bytes that are allowed")
        yield chunk
