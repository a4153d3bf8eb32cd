"""An id for every request, which its client and the log have in common."""

from __future__ import annotations

import re
import secrets
from typing import Final

import structlog
from aiohttp import web

from signaling.http_errors import Handler

HEADER: Final = "x-request-id"
_ID: Final = web.RequestKey("id", str)
_GIVEN: Final = re.compile(r"[!-~]{1,512}")


@web.middleware
async def request_ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware that puts the ids into what is logged meanwhile: ours, and the client's own
    ``X-Client-Request-Id``, of at most 512 visible ASCII characters.
    """
    given = request.headers.get("X-Client-Request-Id", "")
    ids = {"client_request_id": given} if _GIVEN.fullmatch(given) else {}
    with structlog.contextvars.bound_contextvars(request_id=_id_of(request), **ids):
        return await handler(request)


async def say_id(request: web.Request, response: web.StreamResponse) -> None:
    """Put the id into a response's head; an ``on_response_prepare`` signal, which files and
    WebSockets pass too.
    """
    response.headers[HEADER] = _id_of(request)


def _id_of(request: web.Request) -> str:
    if _ID not in request:
        request[_ID] = f"req_{secrets.token_hex(16)}"
    return request[_ID]
