"""How often one address may open a call, or ask for a key to do so, by HTTP."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.core.events import ErrorCode, GatewayError
from signaling.buckets import Buckets
from signaling.http_errors import Handler

RATE: Final = (20.0, 100.0)
"""Calls a second of one address, and at once."""

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


def call_rate(buckets: Buckets) -> Middleware:
    """A middleware that refuses with 429 what comes too often."""
    clock = asyncio.get_running_loop().time

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        opens = (request.method, request.path) in OPENS
        if opens and not buckets.take(request.remote or "", clock()):
            raise GatewayError(ErrorCode.RATE_LIMITED, "too many calls from this address")
        return await handler(request)

    return middleware
