"""``POST /v1/realtime/calls``: a WebRTC call opened with one HTTP request, as on OpenAI's own front
door.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError
from gateway.core.strict_json import loads
from gateway.sessions import Sessions
from signaling.auth import CALLER
from signaling.bodies import read_body
from signaling.events import MAX_SDP, mapping
from signaling.live_calls import LiveCalls
from signaling.multipart import read_parts
from signaling.realtime_session import MAX_MODEL_NAME, open_session

MAX_SESSION = 1 << 18
"""Bytes of a session object."""


class CallsDoor:
    """Calls without Socket.IO: the session lives as long as its peer connection."""

    def __init__(self, sessions: Sessions, live: LiveCalls) -> None:
        self._sessions = sessions
        self._live = live

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/realtime/calls", self._create)]

    async def _create(self, request: web.Request) -> web.Response:
        """Answer an SDP offer: 201, the answer, and ``Location`` of the call."""
        caller = request[CALLER]
        model = _model(request)
        offer, wanted = await _read_call(request)
        call_id = self._live.new_id()
        session = open_session(self._sessions, call_id, caller, wanted, model, door="http")
        async with contextlib.AsyncExitStack() as unanswered:
            unanswered.push_async_callback(self._sessions.end, session, Ending.NO_ANSWER)
            answer = await session.offer(offer)
            unanswered.pop_all()
        self._live.add(call_id, session, caller.grant)
        return web.Response(
            status=HTTPStatus.CREATED,
            text=answer,
            content_type="application/sdp",
            headers={"Location": f"/v1/realtime/calls/{call_id}"},
        )


async def _read_call(request: web.Request) -> tuple[str, Mapping[str, Any]]:
    """The offer, and the session object: ``multipart/form-data`` may have one, with ``sdp``."""
    match request.content_type:
        case "application/sdp":
            return _text(await read_body(request, MAX_SDP, "SDP"), "SDP"), {}
        case "multipart/form-data":
            parts = await read_parts(request, {"sdp": MAX_SDP, "session": MAX_SESSION})
        case _:
            raise GatewayError(
                ErrorCode.UNSUPPORTED_FORMAT,
                "the body must be application/sdp, or multipart/form-data with sdp and session",
            )
    if "sdp" not in parts:
        raise GatewayError(ErrorCode.BAD_REQUEST, "the part sdp is missing")
    return _text(parts["sdp"], "SDP"), _session(parts.get("session", b""))


def _text(body: bytes, what: str) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise GatewayError(ErrorCode.BAD_REQUEST, f"the {what} is not UTF-8") from None


def _session(body: bytes) -> Mapping[str, Any]:
    if not body.strip():
        return {}
    try:
        return mapping("session", loads(body))
    except ValueError:
        raise GatewayError(ErrorCode.BAD_REQUEST, "the session is not JSON") from None


def _model(request: web.Request) -> str | None:
    model = request.query.get("model")
    if model is not None and not 0 < len(model) <= MAX_MODEL_NAME:
        raise GatewayError(ErrorCode.BAD_REQUEST, "model must be a name")
    return model
