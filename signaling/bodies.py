"""The body of an HTTP request: bounded in bytes and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.core.events import ErrorCode, GatewayError
from gateway.core.strict_json import loads
from signaling.events import bad_request, mapping

BODY_TIMEOUT = 10.0
"""Seconds for a body to arrive in."""


async def read_body(request: web.Request, limit: int, what: str) -> bytes:
    """At most ``limit`` bytes. ``what`` it is, for the caller to read.

    :raises GatewayError: ``too_large``; ``bad_request`` if it did not arrive in time.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _read(request, limit, what)
    except TimeoutError:
        raise GatewayError(ErrorCode.BAD_REQUEST, f"the {what} did not arrive in time") from None


async def _read(request: web.Request, limit: int, what: str) -> bytes:
    body = b""
    while len(body) <= limit:
        more = await request.content.read(limit + 1 - len(body))
        if not more:
            return body
        body += more
    raise GatewayError(ErrorCode.TOO_LARGE, f"the {what} is larger than {limit >> 10} KiB")


async def read_json(request: web.Request, limit: int) -> Mapping[str, Any]:
    """The object that a body of at most ``limit`` bytes is; an empty body is an empty one.

    :raises GatewayError: ``bad_request``, ``too_large``.
    """
    body = await read_body(request, limit, "body")
    if not body.strip():
        return {}
    try:
        return mapping("the body", loads(body))
    except ValueError:
        raise bad_request("the body is not JSON") from None
