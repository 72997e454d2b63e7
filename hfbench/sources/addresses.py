"""Which addresses a download may connect to."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Final

from hfbench.sources.urls import failed, refused

if TYPE_CHECKING:
    from hfbench.sources.budget import Budget

# RFC 6052: IPv4 addresses inside IPv6.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


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


def permitted_addresses(host: str, port: int, budget: Budget) -> tuple[str, ...]:
    """The addresses of a host that the policy allows, in the resolver's order; at least one.

    Raises:
        SourceProblem: ``fetch_failed`` for a host that is not known, ``source_refused`` for one without any.
    """
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise failed(budget.url, f"the host {host!r} is not known", retryable=True) from error
    addresses = tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if budget.policy.allow_private_addresses:
        return addresses
    public = tuple(address for address in addresses if is_public(address))
    if not public:
        raise refused(budget.url, f"{host} has no public address ({', '.join(addresses)})")
    return public
