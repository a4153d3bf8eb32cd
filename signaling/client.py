"""One Socket.IO connection as the gateway knows it: its session, and what it has yet to be told."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from gateway.core.events import SessionEvent, Status, StatusChanged
from gateway.session import Session
from signaling import events
from signaling.engine import SocketServer

log = structlog.get_logger(__name__)

MAX_BACKLOG = 4_096
"""Events waiting for one client. One that reads slower than a conversation goes on is cut off, and
may resume: all that a session keeps for it fits in here.
"""


class Client:
    """A session's listener at the other end of a Socket.IO connection.

    What it is told passes one queue and one writer, so that order holds.
    """

    def __init__(self, sid: str, server: SocketServer) -> None:
        self.sid = sid
        self.session: Session | None = None
        self.turn = asyncio.Lock()
        """Held while one of its events is handled: a polling client may send several at once."""
        self.gone = False
        """Cut off, or disconnected: it hears no more, and must not be given a session."""
        self._server = server
        self._queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(MAX_BACKLOG)
        self._writer = asyncio.create_task(self._write(), name=f"socketio-writer-{sid}")

    @property
    def backlog(self) -> int:
        """Events not yet handed to the socket."""
        return self._queue.qsize() + self._server.backlog(self.sid)

    def listen(self, session: Session) -> None:
        """Be told of ``session`` from now on."""
        self.session = session
        session.attach(self)

    def on_session_event(self, event: SessionEvent) -> None:
        session = self.session
        if session is not None:
            for name, payload in events.outgoing(event, session.id, session.user_id):
                self.put(name, payload)

    def on_displaced(self) -> None:
        reason = "another connection resumed the session"
        self.on_session_event(StatusChanged(Status.DISCONNECTED, reason))
        self.session = None

    def put(self, name: str, payload: Any) -> None:
        """Queue an event for the client."""
        if self.keeps_up():
            self._queue.put_nowait((name, payload))

    def keeps_up(self) -> bool:
        """Whether the client reads what it is sent. One that does not is cut off."""
        if not self.gone and self.backlog >= MAX_BACKLOG:
            log.warning("client reads too slowly; cut off", sid=self.sid)
            self.gone = True
            self._server.cut(self.sid)
        return not self.gone

    async def flushed(self) -> None:
        """Return when all that was queued is on its way, or never will be."""
        await self._queue.join()

    async def _write(self) -> None:
        while True:
            name, payload = await self._queue.get()
            try:
                await self._server.emit(self.sid, name, payload)
            finally:
                self._queue.task_done()

    async def close(self) -> None:
        self.gone = True
        self._writer.cancel()
        await asyncio.wait([self._writer])
        while not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()
