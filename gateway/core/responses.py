"""One response at a time: who may send ``response.create`` when.

A Realtime server refuses a second response while one runs, and starts responses by itself when its
voice detection hears the end of a turn. Requests made meanwhile wait here and go out when the way
is free; a refusal that crossed with the server's own response is tried again after it. Errors are
matched to requests by ``event_id``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MAX_WAITING = 16
"""Requests kept while a response runs; beyond it the oldest is dropped, as its turn has passed."""

EXPECTED_FOR = 10.0
"""Seconds after a turn in which the server's own answer to it may begin."""

_REMEMBERED_CUTS = 64


class Phase(Enum):
    IDLE = "idle"
    REQUESTED = "requested"
    RUNNING = "running"
    CANCELLING = "cancelling"


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """A ``response.create`` to be sent: its ``event_id`` and the ``response`` object (may be
    empty).
    """

    event_id: str
    response: Mapping[str, Any] = field(default_factory=dict)
    patient: bool = True
    """Asked again if the server was busy with a response of its own."""


class ResponseSequencer:
    """Keeps at most one ``response.create`` in flight.

    Methods that return a :class:`ResponseRequest` ask the caller to send it now.
    """

    def __init__(self) -> None:
        self.phase = Phase.IDLE
        self.active_id: str | None = None
        self._in_flight: ResponseRequest | None = None
        self._waiting: deque[ResponseRequest] = deque(maxlen=MAX_WAITING)
        self._cut: deque[str] = deque(maxlen=_REMEMBERED_CUTS)
        self._issued = 0
        self._expected_since: float | None = None

    @property
    def waiting(self) -> int:
        """Requests that wait for the running response to end."""
        return len(self._waiting)

    def request(
        self,
        response: Mapping[str, Any] | None = None,
        event_id: str | None = None,
        *,
        patient: bool = True,
    ) -> ResponseRequest | None:
        """Ask for a response; None while another one is in the way (it is then sent later)."""
        self._issued += 1
        event_id = event_id or f"talkpath_response_{self._issued}"
        self._waiting.append(ResponseRequest(event_id, response or {}, patient))
        return self._next()

    def _next(self) -> ResponseRequest | None:
        if self.phase is not Phase.IDLE or not self._waiting:
            return None
        self.phase = Phase.REQUESTED
        self._in_flight = self._waiting.popleft()
        return self._in_flight

    def expect(self, now: float) -> None:
        """The server will answer a turn by itself."""
        self._expected_since = now

    def is_expected(self, now: float) -> bool:
        """Whether an answer of the server's own has yet to begin."""
        since = self._expected_since
        return since is not None and now - since < EXPECTED_FOR

    def created(self, response_id: str) -> None:
        """The server started a response: the requested one, or one of its own."""
        self._expected_since = None
        self.phase = Phase.RUNNING
        self.active_id = response_id
        if response_id in self._cut:
            self._cut.remove(response_id)

    def done(self, response_id: str) -> ResponseRequest | None:
        """The server ended a response."""
        if self.active_id not in (None, response_id):
            return None
        self.phase = Phase.IDLE
        self.active_id = None
        self._in_flight = None
        return self._next()

    def refused(self, event_id: str, *, busy: bool) -> ResponseRequest | None:
        """An ``error`` named ``event_id``. ``busy``: a response was already running; ask again
        after it.
        """
        request = self._in_flight
        if request is None or request.event_id != event_id:
            return None
        self._in_flight = None
        if busy:
            if request.patient:
                self._waiting.appendleft(request)
            if self.phase is Phase.REQUESTED:
                # The server's own response.created is on its way: its end will call _next().
                self.phase = Phase.RUNNING
            return None
        if self.phase is Phase.REQUESTED:
            self.phase = Phase.IDLE
        return self._next()

    def cut(self) -> str | None:
        """Stop listening to the running response: its audio still in flight is :meth:`stale`.

        Returns its id when the server has yet to be told (``response.cancel``), else None.
        """
        self._expected_since = None
        if self.active_id is None or self.phase is not Phase.RUNNING:
            return None
        self._cut.append(self.active_id)
        self.phase = Phase.CANCELLING
        return self.active_id

    def forget_waiting(self) -> None:
        """Drop requests not yet sent: the caller took the word again."""
        self._waiting.clear()
        self._expected_since = None

    def stale(self, response_id: str) -> bool:
        """Whether a response was cut, so that what still arrives of it is not to be played."""
        return response_id in self._cut

    def reset(self, *, owed: bool = False) -> None:
        """The connection was lost, or left: what was asked for is asked again on the next one.

        :param owed: an answer that nobody asked for is.
        """
        if self._in_flight is not None and self.phase is Phase.REQUESTED:
            self._waiting.appendleft(self._in_flight)
        self.phase = Phase.IDLE
        self.active_id = None
        self._in_flight = None
        self._expected_since = None
        if owed and not self._waiting:
            self.request()
            self.reset()

    def resume(self) -> ResponseRequest | None:
        """A new connection is ready: the next request, if one waits."""
        return self._next()
