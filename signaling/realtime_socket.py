"""``GET /v1/realtime``: the Realtime protocol over WebSocket, as OpenAI's own servers speak it.

``?model=`` is a session whose caller sends and hears audio in events; ``?call_id=`` controls a call
that came by another door.
"""

from __future__ import annotations

import secrets
from typing import Final

from aiohttp import web

from gateway.audit.actor import acting
from gateway.client_line import ClientLine
from gateway.client_wishes import set_formats
from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError
from gateway.media.socket_audio import SocketAudio
from gateway.realtime.client_events import ClientEventError
from gateway.session import Session
from gateway.sessions import Sessions
from signaling.auth import CALLER
from signaling.caller import Caller
from signaling.client_inbox import ClientInbox, Message
from signaling.client_socket import ClientWebSocket
from signaling.cluster.socket_relay import SocketRelay
from signaling.live_calls import LiveCall, LiveCalls
from signaling.origins import Origins
from signaling.realtime_session import open_session, rights_of

SUBPROTOCOL: Final = "realtime"
MAX_MESSAGE: Final = 15 * 1024 * 1024
"""Bytes of one event."""

LONG: Final = 64 * 1024
"""Characters of an event that is not taken in at once, so that no other call waits for it."""

HEARTBEAT: Final = 30.0
"""Seconds between two WebSocket pings."""


class RealtimeDoor:
    """Sessions over WebSocket, and the control of calls.

    :param relay: for calls of other gateways; None: there are none.
    """

    def __init__(
        self,
        sessions: Sessions,
        live: LiveCalls,
        origins: Origins,
        relay: SocketRelay | None = None,
    ) -> None:
        self._sessions, self._relay = sessions, relay
        self._origins = origins
        self._live = live

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/realtime", self._connect)]

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if not self._origins.admit(request.headers.get("Origin"), request.headers.get("Host")):
            raise GatewayError(ErrorCode.UNAUTHORIZED, "this origin is not in ALLOWED_ORIGINS")
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), max_msg_size=MAX_MESSAGE, heartbeat=HEARTBEAT, compress=False
        )
        if not socket.can_prepare(request):
            raise GatewayError(ErrorCode.BAD_REQUEST, "GET /v1/realtime opens a WebSocket")
        caller = request[CALLER]
        call_id = request.query.get("call_id")
        place = self._relay.elsewhere(call_id or "") if self._relay is not None else None
        if self._relay is not None and place is not None:
            return await self._relay.pass_on(request, socket, place)
        if call_id is not None:
            call = self._live.find(call_id, caller)
            session, trusted = call.in_progress(), _is_trusted(caller, call)
            self._sessions.audit.note("call.joined", acting(), session.id, call=call_id)
            await self._control(request, socket, session, trusted=trusted)
            return socket
        session = open_session(
            self._sessions,
            f"ws_{secrets.token_hex(12)}",
            caller,
            {},
            request.query.get("model") or None,
            door="websocket",
        )
        session.parts.conversation.passed.is_open = True
        audio = SocketAudio()
        try:
            set_formats(audio, caller.grant.config.session)
            await self._serve(request, socket, session, audio)
        finally:
            await self._sessions.end(session, Ending.HUNG_UP)
        return socket

    async def _serve(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        session: Session,
        audio: SocketAudio,
    ) -> None:
        """Until the client leaves, or the session ends."""
        await socket.prepare(request)
        async with ClientWebSocket(socket, request) as client:
            rights = rights_of(self._sessions)
            line = session.clients.attach(client, rights, audio)
            await _read(socket, session, line)

    async def _control(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        session: Session,
        *,
        trusted: bool,
    ) -> None:
        """Until the client leaves; the call goes on."""
        await socket.prepare(request)
        async with ClientWebSocket(socket, request) as client:
            rights = rights_of(self._sessions, trusted=trusted)
            line = session.clients.attach(client, rights)
            try:
                await _read(socket, session, line)
            finally:
                session.clients.detach(line)


async def _read(socket: web.WebSocketResponse, session: Session, line: ClientLine) -> None:
    """Until the client leaves. One that sends faster than the model takes it has to wait."""
    clients = session.clients

    def take_now(message: Message) -> bool:
        if len(message) > LONG or not clients.takes_now:
            return False
        clients.receive(line, message)
        return True

    async def take(message: Message) -> None:
        await clients.ready()
        try:
            await clients.room()
        except GatewayError as error:
            line.tell_error(ClientEventError("rate_limit_exceeded", error.message))
            return
        if isinstance(message, str) and len(message) > LONG:
            await clients.receive_long(line, message)
        else:
            clients.receive(line, message)

    await ClientInbox(take_now, take).read(socket)


def _is_trusted(caller: Caller, call: LiveCall) -> bool:
    """Whether it is a server that controls the call, and not who is in it."""
    if caller.grant.key_id is not None:
        return False
    # A server that asked for the key that its page called with. At an open gateway nobody has a
    # name, and whoever shows no key is taken for one.
    return caller.owner is None or caller.is_operator or call.key_id is not None
