"""Responses outside the conversation (``conversation: "none"``): several may run beside the one
that is in it, and nothing of theirs is spoken or kept.
"""

from __future__ import annotations

from typing import Final

MAX_RUNNING: Final = 64


class Asides:
    """The asides of one session."""

    def __init__(self) -> None:
        self._expected = 0
        self._running: dict[str, None] = {}

    def expect(self) -> None:
        """A client asks for one."""
        self._expected += 1

    def created(self, response_id: str, conversation_id: object) -> bool:
        """A response began; whether it is an aside.

        :param conversation_id: as the server tells it; None: the response is in no conversation.
        """
        if conversation_id is not None or not self._expected:
            return False
        self._expected -= 1
        self._running[response_id] = None
        if len(self._running) > MAX_RUNNING:
            del self._running[next(iter(self._running))]
        return True

    def holds(self, response_id: str) -> bool:
        """Whether a response is an aside."""
        return response_id in self._running

    def over(self, response_id: str) -> bool:
        """A response ended; whether it was an aside."""
        return self._running.pop(response_id, response_id) is None

    def reset(self) -> None:
        """The connection they ran on is gone."""
        self._expected = 0
        self._running.clear()
