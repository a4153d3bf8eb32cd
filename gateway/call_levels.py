"""How loud both sides of a call are, while somebody looks: it costs the call nothing before, and
nothing some seconds after.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from gateway.core.loudness import Loudness
from gateway.core.playout import Playout
from gateway.core.replay import ReplayBuffer
from gateway.core.taps import without

LOOKED_AT: Final = 10.0
"""Seconds after a look for which levels are kept."""


@dataclass(frozen=True, slots=True)
class Levels:
    """dBFS over the last second; None: nothing came, or nobody looked before."""

    caller: float | None
    agent: float | None


class CallLevels:
    """Those of one call.

    :param playout: of the call's agent.
    :param replay: that the caller's audio passes.
    """

    def __init__(self, playout: Playout, replay: ReplayBuffer) -> None:
        self._playout = playout
        self._replay = replay
        self._clock = asyncio.get_running_loop().time
        self._caller, self._agent = Loudness(), Loudness()
        self._measures = False
        self._until = 0.0

    def look(self) -> Levels:
        """How loud they are now."""
        now = self._clock()
        self._until = now + LOOKED_AT
        if not self._measures:
            self._measures = True
            self._replay.taps += (self,)
            self._playout.taps += (self,)
        return Levels(self._caller.dbfs(now), self._agent.dbfs(now))

    def on_heard(self, pcm: bytes, now: float) -> None:
        self._caller.hear(pcm, now)
        self._end_after(now)

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        now = self._clock()
        self._agent.hear(pcm, now)
        self._end_after(now)

    def on_recalled(self, samples: int) -> None:
        """It was measured as it came."""

    def _end_after(self, now: float) -> None:
        if now > self._until:
            self._measures = False
            self._replay.taps = without(self._replay.taps, self)
            self._playout.taps = without(self._playout.taps, self)
