"""What a source's URL may be, and the errors that name it without its secrets."""

from __future__ import annotations

from typing import Final

import httpx

from hfbench.sources.policy import SourcePolicy, SourceProblem, SourceProblemKind

_SHOWN_CHARACTERS: Final = 120
_MAX_PORT: Final = 65_535


def check_allowed(url: str, policy: SourcePolicy, *, asked: str = "") -> None:
    """Check what a URL says against the policy; its address is checked when the connection is made.

    Args:
        url: the URL to be requested next.
        policy: what is allowed.
        asked: the clip's own URL, where ``url`` is one that it redirects to.

    Raises:
        SourceProblem: ``source_refused``.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise refused(asked or url, "it is not a URL") from error
    hop = " (redirected)" if asked else ""
    if policy.confined:
        raise refused(asked or url, "the run is confined to the project root")
    if not policy.allow_network:
        raise refused(asked or url, "the network is not allowed")
    if parsed.scheme not in ({"https", "http"} if policy.allow_http else {"https"}):
        raise refused(asked or url, f"{parsed.scheme}:// is not allowed{hop}; allowed: https://")
    if not parsed.host or not 0 < (parsed.port or 443) <= _MAX_PORT:
        raise refused(asked or url, "it names no host, or no port, that there can be")


def refused(url: str, why: str) -> SourceProblem:
    """The policy does not allow the source."""
    return SourceProblem(SourceProblemKind.SOURCE_REFUSED, f"source {shown_url(url)} was refused: {why}")


def failed(url: str, why: str, *, retryable: bool = False) -> SourceProblem:
    """The source did not arrive whole."""
    msg = f"source {shown_url(url)} could not be fetched: {why}"
    return SourceProblem(SourceProblemKind.FETCH_FAILED, msg, retryable=retryable)


def shown_url(url: str) -> str:
    """Scheme, host and path only: queries and user names hold signatures and passwords."""
    bare = url.partition("?")[0].partition("#")[0]
    scheme, _, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    text = f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
