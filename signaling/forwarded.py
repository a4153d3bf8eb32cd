"""Where a request comes from: the socket's other end, or whom a trusted proxy speaks for."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.guard_settings import Network
from signaling.cluster.relayed import relayed_remote
from signaling.http_errors import Handler

HEADERS: Final = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
"""What proxies add."""

_REMOTE: Final = web.RequestKey("remote", str)


def trusting(proxies: Sequence[Network]) -> Middleware:
    """A middleware for :func:`remote_of`.

    :param proxies: whose word counts.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[_REMOTE] = relayed_remote(request) or origin_of(
            request.remote or "", request.headers.getall("X-Forwarded-For", []), proxies
        )
        return await handler(request)

    return middleware


def remote_of(request: web.Request) -> str:
    """The address that a request comes from; empty if there is none."""
    return request.get(_REMOTE) or request.remote or ""


def is_forwarded(request: web.Request) -> bool:
    """Whether it came by a proxy, trusted or not."""
    return any(name in request.headers for name in HEADERS)


def origin_of(peer: str, forwarded: Iterable[str], proxies: Sequence[Network]) -> str:
    """The nearest address that is no trusted proxy's.

    :param forwarded: the values of ``X-Forwarded-For``: each proxy adds whom it heard, so what is
        left of the first stranger is that stranger's own invention.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    address = peer
    while hops and _is_one_of(address, proxies):
        hop = hops.pop().strip("[]")
        if _parsed(hop) is None:
            break
        address = hop
    return address


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_one_of(host: str, networks: Sequence[Network]) -> bool:
    address = _parsed(host)
    return address is not None and any(address in network for network in networks)
