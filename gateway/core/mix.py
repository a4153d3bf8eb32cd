"""Two voices on one line, as they are heard now: for whoever listens in on a call.

Each voice comes in its own rhythm, and is put ``LEAD`` behind the moment at which it came: what is
late by less leaves no hole. ``now`` is in seconds of a monotonic clock.
"""

from __future__ import annotations

import struct
from typing import Final

from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE

SAMPLE_BYTES: Final = 2

LEAD: Final = 3 * FRAME_SAMPLES
"""Samples."""

MAX_LAG: Final = 200 * SAMPLE_RATE // 1000
"""Samples that a voice may be behind more than it was when it began; then it catches up."""

MAX_KEPT: Final = 30 * SAMPLE_RATE
"""Samples of a recording that was sent at once; what is beyond is lost."""

_FRAME: Final = struct.Struct(f"<{FRAME_SAMPLES}h")
_LOW, _HIGH = -(1 << 15), (1 << 15) - 1


class _Voice:
    """What is still to come of one side, from a sample of the line on."""

    def __init__(self) -> None:
        self._sound = bytearray()
        self._start = 0
        self._burst = False
        """A recording that came at once plays on, however far it lies ahead."""

    @property
    def end(self) -> int:
        return self._start + len(self._sound) // SAMPLE_BYTES

    def put(self, pcm: bytes, at: int, now: int) -> None:
        """:param at: the sample of the line at which it would be heard without a lead."""
        if len(pcm) // SAMPLE_BYTES > MAX_LAG:
            self._burst = True
        if not self._sound:
            self._start = at + LEAD
        elif (hole := at + LEAD - self.end) > LEAD:
            self._sound += bytes(SAMPLE_BYTES * min(hole, MAX_KEPT))
        room = SAMPLE_BYTES * MAX_KEPT - len(self._sound)
        self._sound += pcm[: max(room, 0)]
        if not self._burst and (late := self.end - max(at, now) - LEAD) > MAX_LAG:
            del self._sound[: SAMPLE_BYTES * late]

    def recall(self, samples: int) -> None:
        """The last of it will not be heard."""
        kept = max(len(self._sound) - SAMPLE_BYTES * samples, 0)
        del self._sound[kept:]

    def take(self, at: int) -> bytes | None:
        """The frame at ``at``; None: silence."""
        if at > self._start:
            # The line went on meanwhile without taking anything.
            del self._sound[: SAMPLE_BYTES * (at - self._start)]
            self._start = at
        silent = SAMPLE_BYTES * min(self._start - at, FRAME_SAMPLES)
        size = SAMPLE_BYTES * FRAME_SAMPLES - silent
        piece = bytes(self._sound[:size])
        if not piece:
            self._burst = self._burst and bool(self._sound)
            return None
        del self._sound[: len(piece)]
        self._start += len(piece) // SAMPLE_BYTES
        return (bytes(silent) + piece).ljust(SAMPLE_BYTES * FRAME_SAMPLES, b"\0")


class Mix:
    """The caller and the agent: PCM16 mono at 24 kHz in, frames of 20 ms of both out.

    :param now: when the line begins.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._taken = 0
        self._caller, self._agent = _Voice(), _Voice()

    def caller(self, pcm: bytes, now: float) -> None:
        """The caller says more, any number of samples."""
        position = self._position(now)
        self._caller.put(pcm, position, position)

    def agent(self, pcm: bytes, now: float, plays_at: float | None = None) -> None:
        """The agent's next words. ``plays_at``: when the caller hears them; None: now."""
        at = now if plays_at is None else plays_at
        self._agent.put(pcm, self._position(at), self._position(now))

    def recall(self, samples: int) -> None:
        """The last of the agent's words will not be heard."""
        self._agent.recall(samples)

    def skip_to(self, now: float) -> None:
        """Nobody took anything for a while: what passed meanwhile is not heard."""
        self._taken = max(self._taken, self._position(now))

    def take(self) -> bytes | None:
        """The next frame, to be taken every 20 ms: 960 bytes; None: both are silent."""
        at, self._taken = self._taken, self._taken + FRAME_SAMPLES
        caller, agent = self._caller.take(at), self._agent.take(at)
        if caller is None or agent is None:
            return caller or agent
        both = zip(_FRAME.unpack(caller), _FRAME.unpack(agent), strict=True)
        return _FRAME.pack(*(min(max(one + other, _LOW), _HIGH) for one, other in both))

    def _position(self, when: float) -> int:
        return round((when - self._began) * SAMPLE_RATE)
