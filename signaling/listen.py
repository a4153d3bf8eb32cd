"""``/api/sessions/{id}/listen``: an operator listens in on a live call, by WebRTC."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from weakref import WeakKeyDictionary

from aiohttp import web

from gateway.audit.actor import acting
from gateway.core.events import ErrorCode, GatewayError
from gateway.listening import Listening
from gateway.session import Session
from gateway.sessions import Sessions
from signaling.bodies import read_body
from signaling.events import MAX_SDP
from signaling.http_errors import not_found

_LISTEN: Final = "/api/sessions/{id}/listen"
_OFFER: Final = "application/sdp"


class ListenDoor:
    """Any session's listeners; they end with it."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._listening: WeakKeyDictionary[Session, Listening] = WeakKeyDictionary()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(_LISTEN, self._listen),
            web.delete(f"{_LISTEN}/{{listener}}", self._leave),
        ]

    async def _listen(self, request: web.Request) -> web.Response:
        """Answer an offer: 201, the answer, and where the listener is."""
        if request.content_type != _OFFER:
            raise GatewayError(ErrorCode.UNSUPPORTED_FORMAT, f"the body must be {_OFFER}")
        try:
            offer = (await read_body(request, MAX_SDP, "SDP")).decode()
        except UnicodeDecodeError:
            raise GatewayError(ErrorCode.BAD_REQUEST, "the SDP is not UTF-8") from None
        session = self._find(request)
        self._sessions.audit.note("session.listened", acting(), session.id)
        listener, answer = await self._listening_to(session).add(offer)
        return web.Response(
            status=HTTPStatus.CREATED,
            text=answer,
            content_type=_OFFER,
            headers={"Location": f"/api/sessions/{session.id}/listen/{listener}"},
        )

    async def _leave(self, request: web.Request) -> web.Response:
        """End it; answered when nothing of it is left."""
        listening = self._listening.get(self._find(request))
        listener = request.match_info["listener"]
        if listening is None or not await listening.remove(listener):
            raise not_found(f"there is no listener {listener[:64]!r}")
        return web.Response()

    def _listening_to(self, session: Session) -> Listening:
        listening = self._listening.get(session)
        if listening is None:
            parts = session.parts
            listening = Listening(self._sessions.media, parts.playout, parts.conversation.replay)
            self._listening[session] = listening
            session.legs.ends_with.append(listening.close)
        return listening

    def _find(self, request: web.Request) -> Session:
        """:raises Refused: ``not_found``."""
        session_id = request.match_info["id"]
        for session in self._sessions:
            if session.id == session_id and not session.ended:
                return session
        raise not_found(f"there is no session {session_id[:64]!r}")
