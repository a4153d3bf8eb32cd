"""When the caller begins to hear a response, and when no more: the ``output_audio_buffer`` events
of the Realtime protocol, from the real playout.

Theory of operation. A model's own server sends these for WebRTC and SIP, where it does the playout;
here the gateway does. A response has *started* with the first frame of it that left, and *stopped*
when the model ended it and its last frame left, or was *cleared* by a cut in between. A response of
which nothing was played has neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

MAX_RESPONSES = 64
"""Remembered; the oldest go first."""


class BufferEvent(Enum):
    STARTED = "started"
    STOPPED = "stopped"
    CLEARED = "cleared"


Change = tuple[BufferEvent, str]
"""What happened, and the response it happened to."""


@dataclass(slots=True)
class _Response:
    items: set[str] = field(default_factory=set)
    started: bool = False
    over: bool = False


class OutputBuffer:
    """The spoken responses of one call. Methods return what a client is to be told."""

    def __init__(self) -> None:
        self._responses: dict[str, _Response] = {}

    def owe(self, response_id: str, item_id: str) -> None:
        """Audio of a response came in."""
        response = self._responses.setdefault(response_id, _Response())
        response.items.add(item_id)
        if len(self._responses) > MAX_RESPONSES:
            del self._responses[next(iter(self._responses))]

    def start(self, item_id: str) -> list[Change]:
        """The first frame of an item left."""
        found = self._of(item_id)
        if found is None or self._responses[found].started:
            return []
        self._responses[found].started = True
        return [(BufferEvent.STARTED, found)]

    def over(self, response_id: str | None = None) -> None:
        """The model ended a response; None: all, for their connection is gone."""
        for name, response in self._responses.items():
            response.over = response.over or response_id in (None, name)

    def settle(self, is_pending: Callable[[str], bool]) -> list[Change]:
        """Look which responses were played to their end.

        :param is_pending: whether something of an item is still owed to the caller.
        """
        done = [
            name
            for name, response in self._responses.items()
            if response.over and not any(map(is_pending, response.items))
        ]
        responses = [(name, self._responses.pop(name)) for name in done]
        return [(BufferEvent.STOPPED, name) for name, response in responses if response.started]

    def cut(self, item_id: str) -> list[Change]:
        """The rest of an item was dropped, and of its response with it."""
        found = self._of(item_id)
        if found is None:
            return []
        started = self._responses.pop(found).started
        return [(BufferEvent.CLEARED, found)] if started else []

    def _of(self, item_id: str) -> str | None:
        return next((n for n, r in self._responses.items() if item_id in r.items), None)
