"""``POST /v1/realtime/calls``: a WebRTC call opened with one HTTP request, as on OpenAI's own front
door.
"""

from __future__ import annotations

import contextlib
from http import HTTPStatus

from aiohttp import web

from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError
from gateway.sessions import Sessions
from signaling.bodies import read_body
from signaling.events import MAX_SDP
from signaling.keys import EphemeralKeys, shown_token
from signaling.live_calls import LiveCalls

MAX_MODEL_NAME = 256


class CallsDoor:
    """Calls without Socket.IO: the session lives as long as its peer connection."""

    def __init__(self, sessions: Sessions, keys: EphemeralKeys, live: LiveCalls) -> None:
        self._sessions = sessions
        self._keys = keys
        self._live = live

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/realtime/calls", self._create)]

    async def _create(self, request: web.Request) -> web.Response:
        """Answer an SDP offer: 201, the answer, and ``Location`` of the call."""
        granted = self._keys.open(shown_token(None, request.headers.get("Authorization")))
        config = granted.config
        model, offer = _model(request) or config.model, await _read_offer(request)
        call_id = self._live.new_id()
        session = self._sessions.open(
            call_id,
            model=model,
            ends_with_leg=True,
            agent_set=config.agent_set,
            **config.settings(),
        )
        async with contextlib.AsyncExitStack() as unanswered:
            unanswered.push_async_callback(self._sessions.end, session, Ending.NO_ANSWER)
            answer = await session.offer(offer)
            unanswered.pop_all()
        self._live.add(call_id, session, granted)
        return web.Response(
            status=HTTPStatus.CREATED,
            text=answer,
            content_type="application/sdp",
            headers={"Location": f"/v1/realtime/calls/{call_id}"},
        )


async def _read_offer(request: web.Request) -> str:
    if request.content_type != "application/sdp":
        raise GatewayError(ErrorCode.UNSUPPORTED_FORMAT, "the body must be application/sdp")
    body = await read_body(request, MAX_SDP, "SDP")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise GatewayError(ErrorCode.BAD_REQUEST, "the SDP is not UTF-8") from None


def _model(request: web.Request) -> str | None:
    model = request.query.get("model")
    if model is not None and not 0 < len(model) <= MAX_MODEL_NAME:
        raise GatewayError(ErrorCode.BAD_REQUEST, "model must be a name")
    return model
