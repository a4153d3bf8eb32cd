"""How loud a voice is, from a few samples of every fifth of its frames: near enough for a meter,
and next to free. ``now`` is in seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from collections import deque
from operator import mul
from typing import Final

from gateway.core.media_time import FRAME_SAMPLES

WINDOW: Final = 1.0
"""Seconds that a level is of."""

EVERY: Final = 5
"""Pieces of sound, of which one is looked at."""

SAMPLES: Final = 28
"""Looked at in a piece, at least. They lie an odd number of samples apart, so that no pitch of a
round number of hertz is met at the same point of each wave.
"""

_FULL_SCALE: Final = 1 << 15
SILENCE: Final = -96.0
"""dBFS: of digital silence, and the least that is told."""


class Loudness:
    """One side of a call: PCM16 mono in the byte order of this machine."""

    def __init__(self) -> None:
        self._powers: deque[tuple[float, float]] = deque(maxlen=64)
        self._pieces = 0

    def hear(self, pcm: bytes, now: float) -> None:
        """The next piece, usually a frame of 20 ms."""
        self._pieces += 1
        if self._pieces % EVERY != 1:
            return
        count = len(pcm) // 2
        if count:
            step = min(count // SAMPLES, 4 * FRAME_SAMPLES) | 1
            few = memoryview(pcm)[: 2 * count].cast("h")[::step].tolist()
            self._powers.append((now, sum(map(mul, few, few)) / len(few)))

    def dbfs(self, now: float) -> float | None:
        """RMS of the last second's sound against full scale; None: there was none."""
        lately = [power for at, power in self._powers if now - at <= WINDOW]
        if not lately:
            return None
        rms = math.sqrt(sum(lately) / len(lately)) / _FULL_SCALE
        return max(SILENCE, 20 * math.log10(rms)) if rms else SILENCE
