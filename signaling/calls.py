"""``POST /v1/realtime/calls``: a WebRTC call opened with one HTTP request, as on OpenAI's own front
door.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus

from aiohttp import web

from gateway.core.events import ErrorCode, GatewayError
from gateway.sessions import Sessions
from signaling.events import MAX_SDP

MAX_MODEL_NAME = 256

_STATUS = {
    ErrorCode.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.NEGOTIATION_FAILED: HTTPStatus.BAD_REQUEST,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNSUPPORTED_FORMAT: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.CAPACITY: HTTPStatus.SERVICE_UNAVAILABLE,
}


def http_error(error: GatewayError) -> web.Response:
    """``{error: {type, code, message, param}}`` with the status that fits."""
    status = _STATUS.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    body = {"type": kind, "code": error.code.value, "message": error.message, "param": None}
    headers = {"Retry-After": "5"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    return web.json_response({"error": body}, status=status, headers=headers)


class CallsDoor:
    """Calls without Socket.IO: the session lives as long as its peer connection."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/realtime/calls", self._create)]

    async def _create(self, request: web.Request) -> web.Response:
        """Answer an SDP offer: 201, the answer, and ``Location`` of the call."""
        try:
            offer = await _read_offer(request)
            call_id = f"rtc_{secrets.token_hex(12)}"
            session = self._sessions.open(call_id, model=_model(request), ends_with_leg=True)
            try:
                answer = await session.offer(offer)
            except GatewayError:
                await self._sessions.end(session, "negotiation failed")
                raise
        except GatewayError as error:
            return http_error(error)
        return web.Response(
            status=HTTPStatus.CREATED,
            text=answer,
            content_type="application/sdp",
            headers={"Location": f"/v1/realtime/calls/{call_id}"},
        )


async def _read_offer(request: web.Request) -> str:
    if request.content_type != "application/sdp":
        raise GatewayError(ErrorCode.UNSUPPORTED_FORMAT, "the body must be application/sdp")
    body = await request.content.read(MAX_SDP + 1)
    while len(body) <= MAX_SDP and (more := await request.content.read(MAX_SDP + 1 - len(body))):
        body += more
    if len(body) > MAX_SDP:
        raise GatewayError(ErrorCode.TOO_LARGE, "the SDP is larger than 64 KiB")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise GatewayError(ErrorCode.BAD_REQUEST, "the SDP is not UTF-8") from None


def _model(request: web.Request) -> str | None:
    model = request.query.get("model")
    if model is not None and not 0 < len(model) <= MAX_MODEL_NAME:
        raise GatewayError(ErrorCode.BAD_REQUEST, "model must be a name")
    return model
