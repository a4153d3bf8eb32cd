"""Those that look on at a call and have no say in it: metrics, traces, a dashboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.core.events import SessionEvent


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call when it begins.

    :ivar door: by which its caller came.
    :ivar began_at: seconds of a monotonic clock.
    """

    session_id: str
    door: str
    agent_set: str
    began_at: float


class CallObserver(Protocol):
    """Looks on at one call. Called on the event loop; must return at once, and must not raise."""

    def on_session_event(self, event: SessionEvent, now: float) -> None:
        """The session tells something; its last event is ``DISCONNECTED``."""


Observe = Callable[[CallFacts], CallObserver]
"""Makes the observer of one call."""


class Observers:
    """Those of one call."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._all: list[CallObserver] = []

    def add(self, observer: CallObserver) -> None:
        """It is told all that comes from now on."""
        self._all.append(observer)

    def on_session_event(self, event: SessionEvent) -> None:
        """The session tells something."""
        now = self._clock()
        for observer in self._all:
            observer.on_session_event(event, now)
