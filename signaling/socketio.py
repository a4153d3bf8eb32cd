"""The Socket.IO door: events of a client become calls on its session, and the other way round.

Events of one client are handled one after another, in the order sent: a candidate never overtakes
its offer, and a flood slows only its sender. What a session tells a client passes one queue and one
writer, so that order holds there too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import socketio
import structlog
from aiohttp import web

from gateway.core.events import ErrorCode, GatewayError, SessionEvent
from gateway.session import Session
from gateway.sessions import Sessions, find_agent_set
from signaling import events
from signaling.origins import Origins

log = structlog.get_logger(__name__)

MAX_PACKET_BYTES = 1_048_576
MAX_BACKLOG = 4_096
"""Events waiting for one client. One that reads slower than a conversation goes on is dropped, and
may resume.
"""

Ack = dict[str, Any]
Handler = Callable[["Client", Any], Awaitable[Ack | None]]


class Client:
    """One Socket.IO connection and the session it has, if any."""

    def __init__(self, sid: str, server: socketio.AsyncServer) -> None:
        self.sid = sid
        self.session: Session | None = None
        self._server = server
        self._queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(MAX_BACKLOG)
        self._writer = asyncio.create_task(self._write(), name=f"socketio-writer-{sid}")
        self._closing = False

    @property
    def backlog(self) -> int:
        """Events not yet handed to the socket."""
        return self._queue.qsize() + self._transport_backlog()

    def _transport_backlog(self) -> int:
        # Engine.IO's own queue is unbounded and takes all at once: without a look at it ours would
        # never fill.
        eio_sid = self._server.manager.eio_sid_from_sid(self.sid, "/")
        socket = self._server.eio.sockets.get(eio_sid)
        return socket.queue.qsize() if socket is not None else 0

    def listen(self, session: Session) -> None:
        self.session = session
        session.attach(self.on_session_event)

    def on_session_event(self, event: SessionEvent) -> None:
        session = self.session
        if session is None:
            return
        for name, payload in events.outgoing(event, session.id, session.user_id):
            self.put(name, payload)

    def put(self, name: str, payload: Any) -> None:
        if self._closing:
            return
        if self.backlog >= MAX_BACKLOG:
            log.warning("client reads too slowly; dropped", sid=self.sid)
            self._closing = True
            self._writer.cancel()
            return
        self._queue.put_nowait((name, payload))

    async def _write(self) -> None:
        try:
            while True:
                name, payload = await self._queue.get()
                await self._server.emit(name, payload, to=self.sid)
        finally:
            if self._closing:
                await self._server.disconnect(self.sid)

    async def close(self) -> None:
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer


class SocketIoDoor:
    """All Socket.IO clients of this gateway (contract: ``docs/protocol.md``)."""

    def __init__(
        self, sessions: Sessions, origins: Origins, ice_servers: list[dict[str, Any]]
    ) -> None:
        self._sessions = sessions
        self._ice_servers = ice_servers
        self._clients: dict[str, Client] = {}
        self._owners: dict[str, Client] = {}
        self._server = socketio.AsyncServer(
            async_mode="aiohttp",
            async_handlers=False,
            cors_allowed_origins=lambda origin, environ: origins.admit(
                origin, environ.get("HTTP_HOST")
            ),
            max_http_buffer_size=MAX_PACKET_BYTES,
            ping_interval=10,
            ping_timeout=10,
        )
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)
        handlers: dict[str, Handler] = {
            "join_session": self._join,
            "webrtc_offer": self._offer,
            "ice_candidate": self._candidate,
            "send_text": self._text,
            "commit_audio": self._commit_audio,
            "clear_audio": self._clear_audio,
            "interrupt": self._interrupt,
            "mute": self._mute,
            "update_session": self._update,
            "disconnect_session": self._leave,
        }
        for name, handler in handlers.items():
            self._server.on(name, self._guard(name, handler))
        self._server.on("*", self._unknown)

    def attach(self, app: web.Application) -> None:
        """Serve ``/socket.io/`` on ``app``."""
        self._server.attach(app)

    async def close(self) -> None:
        for client in list(self._clients.values()):
            await client.close()
        await self._server.shutdown()

    # -- connections

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        self._clients[sid] = Client(sid, self._server)

    async def _disconnect(self, sid: str, reason: str | None = None) -> None:
        client = self._clients.pop(sid, None)
        if client is None:
            return
        session = client.session
        if session is not None and self._owners.get(session.id) is client:
            del self._owners[session.id]
            self._sessions.release(session)
        await client.close()

    def _guard(self, name: str, handler: Handler) -> Callable[..., Awaitable[Ack]]:
        async def handle(sid: str, *args: Any) -> Ack:
            client = self._clients.get(sid)
            if client is None:
                closing = GatewayError(ErrorCode.NO_SESSION, "the connection is closing")
                return _refuse(None, closing)
            try:
                return {"ok": True, **(await handler(client, args[0] if args else None) or {})}
            except GatewayError as error:
                return _refuse(client, error)
            except Exception:  # the root of one client's request: it harms no other
                log.exception("event failed", event_name=name)
                broken = GatewayError(ErrorCode.INTERNAL, f"{name} failed inside the gateway")
                return _refuse(client, broken)

        return handle

    async def _unknown(self, name: str, sid: str, *args: Any) -> Ack:
        error = GatewayError(ErrorCode.BAD_REQUEST, f"there is no event {name[:64]!r}")
        return _refuse(self._clients.get(sid), error)

    # -- events

    async def _join(self, client: Client, data: Any) -> Ack:
        join = events.Join.parse(data)
        if join.session_id is not None and join.resume_token is not None:
            session = self._sessions.resume(join.session_id, join.resume_token)
        else:
            if client.session is not None:
                await self._end(client, "the client joined another session")
            session = self._sessions.open(
                join.user_id or f"guest-{client.sid[:8]}",
                agent_set=join.agent_set,
                instructions=join.instructions,
                voice=join.voice,
                language=join.language,
            )
        previous = self._owners.get(session.id)
        if previous is not None and previous is not client:
            previous.session = None
        self._owners[session.id] = client
        client.listen(session)
        return {
            "sessionId": session.id,
            "resumeToken": session.resume_token,
            "userId": session.user_id,
            "iceServers": self._ice_servers,
            "agentSet": session.agent_set,
        }

    async def _offer(self, client: Client, data: Any) -> Ack:
        session, sdp = _session(client), events.parse_offer(data)
        return {"type": "answer", "sdp": await session.offer(sdp)}

    async def _candidate(self, client: Client, data: Any) -> None:
        session, candidate = _session(client), events.parse_candidate(data)
        await session.add_candidate(candidate)

    async def _text(self, client: Client, data: Any) -> Ack:
        session, text = _session(client), events.parse_text(data)
        return {"itemId": session.say(text)}

    async def _commit_audio(self, client: Client, data: Any) -> None:
        _session(client).commit_audio()

    async def _clear_audio(self, client: Client, data: Any) -> None:
        _session(client).clear_audio()

    async def _interrupt(self, client: Client, data: Any) -> None:
        _session(client).interrupt()

    async def _mute(self, client: Client, data: Any) -> None:
        session, muted = _session(client), events.parse_flag(data)
        session.mute(muted)

    async def _update(self, client: Client, data: Any) -> None:
        session, update = _session(client), events.Update.parse(data)
        changes = dict(update.changes)
        if update.agent_set is not None:
            changes["agents"] = find_agent_set(update.agent_set)
        session.update(**changes)

    async def _leave(self, client: Client, data: Any) -> None:
        _session(client)
        await self._end(client, "the client left")

    async def _end(self, client: Client, reason: str) -> None:
        session = client.session
        if session is not None:
            await self._sessions.end(session, reason)
            self._owners.pop(session.id, None)
            client.session = None


def _session(client: Client) -> Session:
    if client.session is None or client.session.ended:
        raise GatewayError(ErrorCode.NO_SESSION, "join_session comes first")
    return client.session


def _refuse(client: Client | None, error: GatewayError) -> Ack:
    """Tell a failure twice, as the contract has it: in the acknowledgement and as ``error``."""
    if client is not None:
        client.put("error", events.failure(error))
    return {"ok": False, "error": events.failure(error)}
