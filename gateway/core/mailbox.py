"""What a session has to tell: to its listener, or to one that comes back.

While nobody listens, events wait. A connection that died is noticed late, so that the last lines
told to it may not have arrived: they are told again to whoever comes back, and can be known by
their ids. ``now`` is in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from gateway.core.events import (
    AgentSpeaks,
    AudioResponse,
    CallStats,
    Message,
    SessionEvent,
    StatusChanged,
    TurnAnswered,
)

MAX_MISSED: Final = 1_000
"""Events kept while nobody listens. The oldest go first, what was said last."""

MAX_TOLD: Final = 64
"""Lines that may be told again."""

DOUBT: Final = 25.0
"""Seconds for which a dead connection may have passed for a living one."""


class Listener(Protocol):
    """A client's connection, as its session sees it. Called on the event loop; must return at
    once.
    """

    def on_session_event(self, event: SessionEvent) -> None:
        """Something to tell the client."""

    def on_displaced(self) -> None:
        """Another connection took the session over: nothing more will come."""


class Mailbox:
    """The way from a session to one listener at a time. Before the first one nothing is kept."""

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._awaited = False
        self._missed: deque[SessionEvent] = deque()
        self._told: deque[tuple[float, Message]] = deque(maxlen=MAX_TOLD)

    @property
    def backlog(self) -> int:
        """Events that wait for a listener."""
        return len(self._missed)

    @property
    def is_heard(self) -> bool:
        """Somebody listens now."""
        return self._listener is not None

    def tell(self, event: SessionEvent, now: float) -> None:
        if self._listener is not None:
            if isinstance(event, Message):
                self._told.append((now, event))
            self._listener.on_session_event(event)
        elif self._awaited and not _passes(event):
            self._missed.append(event)
            if len(self._missed) > MAX_MISSED:
                self._forget_one()

    def attach(self, listener: Listener, now: float) -> None:
        """Tell ``listener`` from now on, and first of all what was missed."""
        previous = self._listener
        if previous is not None and previous is not listener:
            self.detach(now, certain=False)
            previous.on_displaced()
        self._listener, self._awaited = listener, True
        missed = list(self._missed)
        self._missed.clear()
        for event in missed:
            self.tell(event, now)

    def detach(self, now: float, *, certain: bool) -> None:
        """Nobody listens for now.

        :param certain: whether the listener took leave, and so has heard everything.
        """
        self._listener = None
        if not certain:
            self._missed.extend(line for at, line in self._told if now - at < DOUBT)
        self._told.clear()

    def _forget_one(self) -> None:
        for index, event in enumerate(self._missed):
            if not isinstance(event, Message):
                del self._missed[index]
                return
        self._missed.popleft()


def _passes(event: SessionEvent) -> bool:
    """Statistics and warnings of the past are of no use to anyone; a voice waits in the playout."""
    if isinstance(event, StatusChanged):
        return event.ends_in is not None
    return isinstance(event, CallStats | AudioResponse | TurnAnswered | AgentSpeaks)
