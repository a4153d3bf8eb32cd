"""``POST /v1/realtime/calls``: a WebRTC call opened with one HTTP request, as on OpenAI's own front
door.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from http import HTTPStatus

from aiohttp import web

from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError
from gateway.sessions import Sessions
from signaling.events import MAX_SDP

MAX_MODEL_NAME = 256

BODY_TIMEOUT = 10.0
"""Seconds for the offer to arrive in."""


class CallsDoor:
    """Calls without Socket.IO: the session lives as long as its peer connection."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/realtime/calls", self._create)]

    async def _create(self, request: web.Request) -> web.Response:
        """Answer an SDP offer: 201, the answer, and ``Location`` of the call."""
        model, offer = _model(request), await _read_offer(request)
        call_id = f"rtc_{secrets.token_hex(12)}"
        session = self._sessions.open(call_id, model=model, ends_with_leg=True)
        async with contextlib.AsyncExitStack() as unanswered:
            unanswered.push_async_callback(self._sessions.end, session, Ending.NO_ANSWER)
            answer = await session.offer(offer)
            unanswered.pop_all()
        return web.Response(
            status=HTTPStatus.CREATED,
            text=answer,
            content_type="application/sdp",
            headers={"Location": f"/v1/realtime/calls/{call_id}"},
        )


async def _read_offer(request: web.Request) -> str:
    if request.content_type != "application/sdp":
        raise GatewayError(ErrorCode.UNSUPPORTED_FORMAT, "the body must be application/sdp")
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = await _read_body(request)
    except TimeoutError:
        raise GatewayError(ErrorCode.BAD_REQUEST, "the offer did not arrive in time") from None
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise GatewayError(ErrorCode.BAD_REQUEST, "the SDP is not UTF-8") from None


async def _read_body(request: web.Request) -> bytes:
    body = b""
    while len(body) <= MAX_SDP:
        more = await request.content.read(MAX_SDP + 1 - len(body))
        if not more:
            return body
        body += more
    raise GatewayError(ErrorCode.TOO_LARGE, "the SDP is larger than 64 KiB")


def _model(request: web.Request) -> str | None:
    model = request.query.get("model")
    if model is not None and not 0 < len(model) <= MAX_MODEL_NAME:
        raise GatewayError(ErrorCode.BAD_REQUEST, "model must be a name")
    return model
