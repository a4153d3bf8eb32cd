"""An uplink in which every packet says its number, to see the delay of each one around a loss.

Each 20 ms packet is one tone, each packet's tone the next of sixteen. What comes out is read in
short windows: a clear tone a few steps further than the last one is the packet which that step
stands for, so the number is known however late it comes, as long as fewer than half a turn of
packets is skipped at once.
"""

from __future__ import annotations

import numpy as np

from client.python.bench.probes import sine
from client.python.levels import Samples

STEPS = 16
_LOWEST_HZ, _STEP_HZ = 400.0, 200.0
_PEAK = 8_000
_WINDOW_SECONDS = 0.010
_HOP_SECONDS = 0.005
_CLEAR_SHARE = 0.6
"""Of a window's energy in one tone, to be sure that it holds no change of tones."""
_FAINT = 500.0
"""RMS under which a window is silence."""
_MOST_SKIPPED = STEPS // 2


def stair(number: int, samples: int, rate: int) -> Samples:
    """The tone of packet `number`, `samples` long; packets one after another keep their phase."""
    hertz = _LOWEST_HZ + _STEP_HZ * (number % STEPS)
    # All tones are multiples of 200 Hz, so a packet of 20 ms holds whole periods of each.
    return sine(hertz, _PEAK, samples, rate)


class StaircaseReader:
    """Tells from the audio that comes out at `rate` Hz which packets came through, and when."""

    def __init__(self, rate: int) -> None:
        self._size = int(_WINDOW_SECONDS * rate)
        self._hop = int(_HOP_SECONDS * rate)
        tones = _LOWEST_HZ + _STEP_HZ * np.arange(STEPS)
        self._basis = np.exp(-2j * np.pi * np.outer(tones, np.arange(self._size) / rate))
        self._rest: Samples = np.zeros(0, dtype=np.int16)
        self._last = -1
        self.arrivals: dict[int, float] = {}
        """When each packet number was first heard, in seconds."""

    def feed(self, samples: Samples, at: float) -> None:
        """Take what came at `at` (seconds)."""
        audio = np.concatenate([self._rest, samples])
        start = 0
        while start + self._size <= len(audio):
            self._read(audio[start : start + self._size], at)
            start += self._hop
        self._rest = audio[start:]

    def _read(self, window: Samples, at: float) -> None:
        wide = window.astype(np.float64)
        energy = float(wide @ wide)
        if energy < _FAINT**2 * self._size:
            return
        # A full-length sine of energy E has the correlation sqrt(E * size / 2) with itself.
        strength = np.abs(self._basis @ wide) ** 2 * 2 / (self._size * energy)
        step = int(np.argmax(strength))
        if strength[step] < _CLEAR_SHARE:
            return
        ahead = (step - self._last) % STEPS
        if 0 < ahead <= _MOST_SKIPPED:
            self._last += ahead
            self.arrivals[self._last] = at


def recovery_seconds(
    sent: dict[int, float], arrivals: dict[int, float], lost: int, settled_within: float = 0.010
) -> float | None:
    """From sending packet `lost` until the delay is, and stays, what it was before; None: never.

    `sent` and `arrivals`: seconds by packet number. The delay before is the median of the packets
    before the loss; back at rest is at most `settled_within` seconds above it. Raises `ValueError`
    if no packet before the loss came through.
    """
    before = [arrivals[n] - sent[n] for n in arrivals if n in sent and n < lost]
    if not before:
        raise ValueError("nothing was heard before the loss")
    rest = float(np.median(before)) + settled_within
    after = [n for n in sorted(arrivals) if n > lost and n in sent]
    settled: float | None = None
    for number in reversed(after):
        if arrivals[number] - sent[number] > rest:
            break
        settled = arrivals[number] - sent[lost]
    return settled
