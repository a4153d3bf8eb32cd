"""The model's side of one session: a conversation that outlives its connections.

Which connection is opened, told, adopted and closed when is in ``gateway/core/rollover.py``; here
are the sockets and the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import structlog

from gateway.core.media_time import SAMPLE_RATE
from gateway.core.replay import ReplayBuffer
from gateway.core.rollover import Action, Input, Moment, Rollover, State
from gateway.realtime import protocol
from gateway.realtime.connection import Connection
from gateway.realtime.wire import Endpoint, ModelRefused, ModelUnreachable, open_socket

log = structlog.get_logger(__name__)

BACK_OFF = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt; the last one repeats. A quarter is random, so that many
calls spread out.
"""

STEADY_AFTER = 5.0
"""Seconds a connection must have lasted for the back-off to start over."""

_CLOSED = "the model's server closed the connection"


class ModelHandler(Protocol):
    """Who is told what the model's connections do. Called on the event loop; must return at
    once.
    """

    def configuration(self) -> protocol.Event:
        """``session.update`` for a fresh connection."""

    def briefing(self, known: set[str]) -> Iterable[protocol.Event]:
        """What was said so far, for a fresh connection that knows these items; ``known`` grows by
        those that it is told.
        """

    def moment(self) -> Moment:
        """What a move to another connection would meet now."""

    def awaits_words(self) -> bool:
        """Whether the former connection has still to say what it recognised."""

    def on_model_connected(self, known: set[str], *, moved: bool) -> None:
        """A fresh connection, configured, carries the conversation from now on. It knows these
        items, by what :meth:`briefing` said, and nothing else.

        :param moved: the one before is there still, for its last words.
        """

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, under its GA name."""

    def on_former_event(self, event: protocol.Event) -> None:
        """The same from the connection before, while :meth:`awaits_words`."""

    def on_model_lost(self, reason: str | None) -> None:
        """What was under way on the connection will not come.

        :param reason: why there is none now; it is tried again. Told once for each outage. None:
            another one takes over at once.
        """


class RealtimeClient:
    """The way to the model, kept up as long as its caller stays.

    :param replay: keeps what a fresh connection must hear again.
    """

    def __init__(self, endpoint: Endpoint, handler: ModelHandler, replay: ReplayBuffer) -> None:
        self._endpoint = endpoint
        self._handler = handler
        self._replay = replay
        self._rollover = Rollover()
        self._present: Connection | None = None
        self._successor: Connection | None = None
        self._former: Connection | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._clock = asyncio.get_running_loop().time
        self._changed = asyncio.Event()
        self._attempt = 0
        self._told_lost = False
        self._dropped_before = 0

    @property
    def connected(self) -> bool:
        return self._present is not None

    @property
    def backlog(self) -> int:
        """Frames and commands that the socket did not take yet."""
        return self._present.backlog if self._present is not None else 0

    @property
    def has_room(self) -> bool:
        """Whether a second of audio that comes faster than real time can be taken in."""
        if self._present is not None:
            return self._present.backlog == 0
        return self._replay.room >= SAMPLE_RATE

    @property
    def dropped_samples(self) -> int:
        """Of the caller's audio, given up because no server took it."""
        present = self._present.dropped_samples if self._present is not None else 0
        return self._dropped_before + present + self._replay.lost_samples

    def send(self, event: Mapping[str, Any]) -> None:
        """Send a command, after the audio before it; it is dropped while there is no connection,
        since a new one is told all there is to know.

        :raises ModelOverrun: too many commands wait.
        """
        if self._present is not None:
            self._present.send(event)

    def configure(self) -> None:
        """Settings changed: tell every connection that will carry more of the conversation.

        :raises ModelOverrun: too many commands wait.
        """
        for connection in (self._present, self._successor):
            if connection is not None:
                connection.send(self._handler.configuration())

    def append(self, pcm: bytes) -> None:
        """Send caller's audio (PCM16 mono, 24 kHz); while there is no connection it is kept for the
        next one, 30 s at most.
        """
        self._replay.append(pcm, self._clock())
        if self._present is not None:
            self._present.append(pcm)

    async def run(self) -> None:
        """Keep a connection until cancelled.

        :raises ModelRefused: no further attempt can succeed.
        """
        refusal: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._open(0.0)
                await self._watch()
        except* ModelRefused as group:
            refusal = group.exceptions[0]
        if refusal is not None:
            raise refusal

    def _open(self, pause: float) -> None:
        assert self._tasks is not None
        self._tasks.create_task(self._carry(pause), name="model-connection")

    async def _watch(self) -> None:
        """Do what is due by the clock."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._rollover.next_look(self._clock())):
                    await self._changed.wait()
            self._changed.clear()
            moment = self._handler.moment() if self._rollover.state is State.READY else Moment.BUSY
            drained = self._former is None or not self._handler.awaits_words()
            self._act(self._rollover.look(self._clock(), moment, drained=drained))

    # -- one connection

    async def _carry(self, pause: float) -> None:
        """Open a connection, trying until it is there, and see it through to its end."""
        while True:
            await asyncio.sleep(pause)
            connection: Connection | None = None
            started = self._clock()
            try:
                async with open_socket(self._endpoint) as socket:
                    connection = Connection(socket, self._endpoint, self._clock())
                    again = await self._converse(connection)
                if not again:
                    return
            except ModelRefused as refused:
                if self._present is None:
                    raise
                log.warning("successor refused", reason=str(refused))
            except ModelUnreachable as error:
                self._report_loss(str(error))
            pause = self._back_off(self._clock() - started)

    async def _converse(self, connection: Connection) -> bool:
        """Until its end; whether another attempt must follow it here."""
        self._successor = connection
        connection.send(self._handler.configuration())
        self._feed(Input.OPENED)
        await connection.read(lambda event: self._take(connection, event))
        if connection is self._present:
            self._dropped_before += connection.dropped_samples
            self._lose(self._clock() - connection.opened_at)
        elif connection is self._former:
            self._former = None
            self._feed(Input.DRAINED)
        else:
            self._successor = None
            self._feed(Input.SUCCESSOR_LOST)
            return True
        return False

    def _take(self, connection: Connection, event: protocol.Event) -> bool:
        """One event; whether the connection is of further use."""
        kind = event["type"]
        if kind == protocol.SESSION_CREATED:
            told = protocol.expires_in(event, time.time())
            connection.lifetime = min(connection.lifetime, told or connection.lifetime)
        if connection is self._present:
            if kind == protocol.SESSION_CREATED:
                self._expect_end(connection)
            self._handler.on_model_event(event)
        elif connection is self._former:
            self._handler.on_former_event(event)
        elif kind == protocol.SESSION_UPDATED:
            self._feed(Input.CONFIGURED)
        elif kind == protocol.ERROR:
            log.warning("successor reports an error", code=protocol.error_code(event))
        return kind != protocol.ERROR or protocol.error_code(event) != protocol.SESSION_EXPIRED

    def _lose(self, lasted: float) -> None:
        self._present = None
        self._replay.disconnected()
        action = self._rollover.feed(Input.LOST)
        if self._successor is None:
            self._report_loss(_CLOSED)
            self._act(action, self._back_off(lasted))
            return
        log.info("model connection lost, the next one takes over")
        self._handler.on_model_lost(None)
        self._act(action)
        self._feed(Input.OPENED)

    def _report_loss(self, reason: str) -> None:
        log.warning("model connection lost", reason=reason)
        if self._present is None and not self._told_lost:
            self._told_lost = True
            self._handler.on_model_lost(reason)

    def _back_off(self, lasted: float) -> float:
        # A server that accepts and hangs up at once must not be asked ten times a second.
        self._attempt = 0 if lasted > STEADY_AFTER else self._attempt + 1
        pause = BACK_OFF[min(self._attempt, len(BACK_OFF) - 1)]
        return pause * random.uniform(0.75, 1.0)

    # -- from one to the next

    def _feed(self, what: Input) -> None:
        self._act(self._rollover.feed(what))

    def _act(self, action: Action, pause: float = 0.0) -> None:
        match action:
            case Action.OPEN:
                self._open(pause)
            case Action.TELL:
                self._tell()
            case Action.ADOPT | Action.MOVE:
                self._adopt(moved=action is Action.MOVE)
            case Action.CLOSE:
                self._close_former()
            case Action.REOPEN:
                self._close_former()
                self._open(pause)
            case Action.NONE:
                return
        self._changed.set()

    def _tell(self) -> None:
        assert self._successor is not None
        for event in self._handler.briefing(self._successor.known):
            self._successor.send(event)

    def _adopt(self, *, moved: bool) -> None:
        connection, former = self._successor, self._present
        assert connection is not None
        self._present, self._successor = connection, None
        if former is not None:
            self._former = former
            self._dropped_before += former.dropped_samples
        self._told_lost = False
        self._expect_end(connection)
        if moved:
            log.info("moved to a fresh model connection")
        self._handler.on_model_connected(connection.known, moved=moved)

    def _expect_end(self, connection: Connection) -> None:
        self._rollover.expect_end(connection.opened_at, connection.lifetime)
        self._changed.set()

    def _close_former(self) -> None:
        former, self._former = self._former, None
        if former is not None and former.task is not None:
            former.task.cancel()
