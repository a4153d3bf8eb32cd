"""The agent's sound that a client plays by itself, as over WebSocket: when it is heard, as far as
that can be known from here.

A model speaks faster than real time, and such a client has all of it at once. It is taken to play
each piece as it comes, behind what came before; to stop when its caller begins to speak; and to
have played as much of an answer as it says when it cuts it (Realtime protocol,
``conversation.item.truncate``). Whoever taps the call hears it then.
"""

from __future__ import annotations

from typing import Final

from gateway.core.media_time import SAMPLE_RATE
from gateway.core.owed import SAMPLE_BYTES
from gateway.core.playout import Playout

MAX_ITEMS: Final = 256
"""Items that can be cut, the oldest dropped first."""


class Passed:
    """:param playout: of the call; who taps it is told.

    :ivar is_open: there is such a client; what else is passed on is heard by nobody.
    """

    def __init__(self, playout: Playout) -> None:
        self.is_open = False
        self._playout = playout
        self._begins: dict[str, float] = {}
        self._since = self._until = float("-inf")
        """From when it plays without a pause, and until when."""

    def push(self, item_id: str, pcm: bytes, now: float) -> None:
        """The client is sent ``pcm``, PCM16 mono at 24 kHz, of an item."""
        pcm = pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]
        if not self.is_open or not pcm:
            return
        fresh = self._until < now
        if fresh:
            self._since = self._until = now
        plays_at = self._until
        if item_id not in self._begins and len(self._begins) >= MAX_ITEMS:
            del self._begins[next(iter(self._begins))]
        self._begins.setdefault(item_id, plays_at)
        self._until = plays_at + len(pcm) / SAMPLE_BYTES / SAMPLE_RATE
        for tap in self._playout.taps:
            tap.on_taken(item_id, pcm, plays_at, fresh)

    def cut(self, item_id: str, samples: int) -> None:
        """The client says that it played so much of an item, and nothing behind it."""
        if item_id in self._begins:
            self.stop(self._begins[item_id] + samples / SAMPLE_RATE)

    def stop(self, now: float) -> None:
        """What it has not played by ``now`` it will not play."""
        last = max(now, self._since)
        recalled = round((self._until - last) * SAMPLE_RATE) if self._begins else 0
        if recalled > 0:
            self._until = last
            for tap in self._playout.taps:
                tap.on_recalled(recalled)
