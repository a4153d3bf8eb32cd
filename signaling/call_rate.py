"""How often one address, and one user, may ask for something by HTTP, and for calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.core.events import ErrorCode, GatewayError
from signaling.auth import CALLER
from signaling.buckets import Buckets
from signaling.forwarded import remote_of
from signaling.http_errors import Handler

OPENS: Final = frozenset(
    {
        ("POST", "/v1/realtime/calls"),
        ("GET", "/v1/realtime"),
        ("POST", "/whip"),
        ("POST", "/v1/realtime/client_secrets"),
        ("POST", "/v1/realtime/sessions"),
        ("POST", "/api/session"),
        ("GET", "/api/session"),
        ("POST", "/api/calls"),
        ("GET", "/sip/ice-servers"),
    }
)

SOCKET_IO: Final = "/socket.io/"
"""Who is connected there polls as often as it must, and what it asks for is counted at that door.
Connecting counts as any request does.
"""

TOO_MANY_CALLS: Final = "too many calls from this address"


def address_rate(
    requests: Buckets, calls: Buckets, is_connected: Callable[[str], bool]
) -> Middleware:
    """A middleware that refuses with 429 what comes from one address too often.

    :param is_connected: whether there is a Socket.IO connection of that ``sid``.
    """
    clock = asyncio.get_running_loop().time

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A ``sid`` that anybody may invent, or leave empty, is no connection.
        is_poll = request.path == SOCKET_IO and is_connected(request.query.get("sid", ""))
        if not is_poll and not requests.take(remote_of(request), clock()):
            raise GatewayError(ErrorCode.RATE_LIMITED, "too many requests from this address")
        if _opens(request) and not calls.take(remote_of(request), clock()):
            raise GatewayError(ErrorCode.RATE_LIMITED, TOO_MANY_CALLS)
        return await handler(request)

    return middleware


def user_rate(calls: Buckets) -> Middleware:
    """The same for one user's calls, wherever they come from. Behind the guard."""
    clock = asyncio.get_running_loop().time

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = request.get(CALLER)
        owner = caller.owner if caller is not None else None
        if owner is not None and _opens(request) and not calls.take_of(owner, clock()):
            raise GatewayError(ErrorCode.RATE_LIMITED, "too many calls of this user")
        return await handler(request)

    return middleware


def _opens(request: web.Request) -> bool:
    return (request.method, request.path) in OPENS
