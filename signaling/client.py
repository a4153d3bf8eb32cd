"""One Socket.IO connection as the gateway knows it: its session, and what it has yet to be told."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from gateway.core.ending import DISPLACED
from gateway.core.events import ErrorCode, SessionEvent, Status, StatusChanged
from gateway.session import Session
from signaling import events
from signaling.caller import Caller

if TYPE_CHECKING:
    from signaling.cluster.away import Away

log = structlog.get_logger(__name__)

MAX_BACKLOG = 4_096
"""Events waiting for one client. One that reads slower than a conversation goes on is cut off, and
may resume: all that a session keeps for it fits in here.
"""


MAX_VOICE = 100
"""``audio_response`` waiting for one client, two seconds of voice: the oldest give way."""

MAX_UNSENT = 8
"""Packets in the hands of the socket at which the voice waits here, where it can give way. Few: a
polling client gets them in one answer, and some refuse more than 16.
"""

_LOOK = 0.02
"""Seconds until a full socket is looked at again."""


class Connection(Protocol):
    """What a client is told things over."""

    async def emit(self, sid: str, name: str, payload: Any) -> None:
        """Queue an event. ``payload``: a tuple stands for several arguments."""

    def backlog(self, sid: str) -> int:
        """What waits there."""

    def cut(self, sid: str) -> None:
        """End it as a broken network would."""


class _Voice:
    """One ``audio_response`` in the queue; without a payload it gave way."""

    def __init__(self, payload: str) -> None:
        self.payload: str | None = payload


class Client:
    """A session's listener at the other end of a Socket.IO connection.

    What it is told passes one queue and one writer, so that order holds.
    """

    def __init__(
        self, sid: str, server: Connection, token: str | None = None, remote: str = ""
    ) -> None:
        self.sid = sid
        self.token = token
        """What it showed when it connected."""
        self.remote = remote
        """The address that it came from."""
        self.owner: str | None = None
        """Who it is; None: that is not known, as at an open gateway."""
        self.caller: Caller | None = None
        """Who it is, as another gateway found out that it is connected to; None: to this one."""
        self.session: Session | None = None
        self.away: Away | None = None
        """Where its session is, if at another gateway."""
        self.turn = asyncio.Lock()
        """Held while one of its events is handled: a polling client may send several at once."""
        self.gone = False
        """Cut off, or disconnected: it hears no more, and must not be given a session."""
        self._server = server
        self._queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(MAX_BACKLOG)
        self._voice: deque[_Voice] = deque()
        self._told_slow = False
        self._leaving = False
        self._writer = asyncio.create_task(self._write(), name=f"socketio-writer-{sid}")

    @property
    def name(self) -> str:
        """Who it is, or else the address that it came from."""
        return self.owner or self.remote

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
                self.tell(name, payload)

    def on_displaced(self) -> None:
        self.on_session_event(StatusChanged(Status.DISCONNECTED, DISPLACED))
        self.session = None

    def tell(self, name: str, payload: Any) -> None:
        """Queue an event of the session; its voice may give way."""
        if name == events.AUDIO_RESPONSE:
            self._put_voice(payload)
        else:
            self.put(name, payload)

    def put(self, name: str, payload: Any) -> None:
        """Queue an event for the client."""
        if self.keeps_up():
            self._queue.put_nowait((name, payload))

    def _put_voice(self, payload: str) -> None:
        """Queue 20 ms of voice. A client too slow for it loses the oldest, and is told once until
        it has caught up.
        """
        if len(self._voice) >= MAX_VOICE:
            self._voice.popleft().payload = None
            if not self._told_slow:
                self._told_slow = True
                slow = "the connection is too slow for the agent's voice: parts are left out"
                self.put("error", {"code": ErrorCode.RATE_LIMITED.value, "message": slow})
        voice = _Voice(payload)
        self._voice.append(voice)
        self.put(events.AUDIO_RESPONSE, voice)

    def keeps_up(self) -> bool:
        """Whether the client reads what it is sent. One that does not is cut off."""
        if not self.gone and self.backlog >= MAX_BACKLOG:
            log.warning("client reads too slowly; cut off", sid=self.sid)
            self.cut()
        return not self.gone

    def cut(self) -> None:
        """End its connection, so that it comes back: it may have missed something."""
        self.gone = True
        self._server.cut(self.sid)

    async def flushed(self) -> None:
        """Return when all that was queued is on its way, or never will be."""
        self._leaving = True
        await self._queue.join()
        self._leaving = False

    async def _write(self) -> None:
        while True:
            name, payload = await self._queue.get()
            try:
                if isinstance(payload, _Voice):
                    payload = await self._turn_of(payload)
                if payload is not None or name != events.AUDIO_RESPONSE:
                    await self._server.emit(self.sid, name, payload)
            finally:
                self._queue.task_done()

    async def _turn_of(self, voice: _Voice) -> str | None:
        """Wait until the socket takes it, or it gave way; its payload."""
        while voice.payload is not None and not self._leaving:
            if self._server.backlog(self.sid) < MAX_UNSENT:
                break
            await asyncio.sleep(_LOOK)
        if voice.payload is not None:
            self._voice.popleft()
            self._told_slow = self._told_slow and bool(self._voice)
        return voice.payload

    async def close(self) -> None:
        self.gone = True
        self._writer.cancel()
        await asyncio.wait([self._writer])
        while not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()
