"""Reads the URL and the options of a network sink out of its spec, with an error of one line for whatever is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Never
from urllib.parse import parse_qsl, urlsplit

from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.telemetry.base import SinkSpec


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a network sink sends to.

    Attributes:
        url: ``http`` or ``https`` URL without a slash at its end; empty when the spec names none.
        options: The options of the spec; they may hold a key, so they stay out of ``repr``.
    """

    url: str
    options: Mapping[str, str] = field(repr=False, hash=False)


def check_url(url: str, named_by: str) -> str:
    """Return ``url`` without its closing slash if events can be posted to it.

    Args:
        url: The address as written by the user.
        named_by: Who wrote it, for the message: a spec or a variable.

    Raises:
        UsageError: It is not ``http(s)://host[:port][/path]``, or it holds a user name.
    """
    if any(character.isspace() or not character.isprintable() for character in url):
        _refuse(named_by, "its URL holds a blank or a control character")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # .port is where a port outside 0-65535 is noticed
    except ValueError:
        _refuse(named_by, "its URL can't be read")
    if parts.scheme not in {"http", "https"} or not host:
        _refuse(named_by, "its URL must look like https://host[:port][/path]")
    if parts.username is not None or parts.password is not None:
        _refuse(named_by, "its URL must hold no user name; a key goes into an option or the environment")
    if parts.query or parts.fragment:
        _refuse(named_by, "its URL must end with the path")
    return url.rstrip("/")


def parse_endpoint(spec: SinkSpec, allowed_options: frozenset[str] = frozenset()) -> Endpoint:
    """Split ``[URL][?option=value&…]``.

    Raises:
        UsageError: The URL is not usable (:func:`check_url`), or an option is unknown, empty or given twice.
    """
    url, _, query = spec.target.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        _refuse(spec.label, "its options must look like name=value&name=value")
    options = dict(pairs)
    if len(options) != len(pairs):
        _refuse(spec.label, "an option is given twice")
    for name, value in pairs:
        if name not in allowed_options:
            allowed = ", ".join(sorted(allowed_options)) or "none"
            _refuse(spec.label, f"option {name!r} is unknown; allowed: {allowed}")
        if not value:
            _refuse(spec.label, f"option {name!r} is empty")
    return Endpoint(check_url(url, spec.label) if url else "", MappingProxyType(options))


def _refuse(named_by: str, why: str) -> Never:
    raise UsageError(f"sink {named_by}: {why}")
