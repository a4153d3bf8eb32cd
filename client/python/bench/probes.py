"""Marks in the audio that survive a codec: short tone bursts, found again by level and by pitch.

A burst is louder than anything else that is said, starts with a packet and follows a packet of
silence, so its first loud sample tells when that packet came through. The pitch numbers the bursts,
so that a late one is not taken for the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from client.python.levels import Samples

TONES = (500.0, 700.0, 900.0, 1100.0, 1400.0, 1700.0, 2100.0, 2600.0)
"""Hz. All under 4 kHz, so that a decoder at 8 kHz hears them."""

BURST_SECONDS = 0.06
BURST_PEAK = 22_000
LOUD = 9_000
"""What only a burst reaches: after a lost packet a decoder may give it back at half its level."""

SPEECH_PEAK = 5_000
_QUIET_SECONDS = 0.3
"""Without a loud sample before an onset: a burst broken by a loss is still one burst."""

_WINDOW_SECONDS = 0.008
"""What a pitch is told from."""
_CLEAR_SHARE = 0.5
"""Of that window's energy in one tone: less is a burst that was cut and spliced on its way."""


def burst(tone: int, rate: int) -> Samples:
    """The burst of `TONES[tone]` at `rate` Hz."""
    return sine(TONES[tone], BURST_PEAK, int(BURST_SECONDS * rate), rate)


def sine(hertz: float, highest: float, count: int, rate: int) -> Samples:
    """`count` samples of a tone that starts at zero."""
    wave = np.sin(2 * np.pi * hertz * np.arange(count) / rate)
    samples: Samples = np.rint(highest * wave).astype(np.int16)
    return samples


def peak(samples: Samples) -> int:
    """The highest of some samples: what `samples.max()` is, at half the cost."""
    return int(np.maximum.reduce(samples))


@dataclass(frozen=True, slots=True)
class Burst:
    """`at`: when the audio with its first loud sample came. `offset`: that sample's place in it."""

    tone: int
    at: float
    offset: int


class BurstDetector:
    """Finds bursts in PCM16 mono of `rate` Hz that comes piece by piece."""

    def __init__(self, rate: int) -> None:
        self._quiet_needed = int(_QUIET_SECONDS * rate)
        self._quiet = self._quiet_needed
        self._window = int(_WINDOW_SECONDS * rate)
        steps = np.arange(self._window) / rate
        self._basis = np.exp(-2j * np.pi * np.outer(TONES, steps))
        self._onset: tuple[float, int] | None = None
        self._heard: Samples = np.zeros(0, dtype=np.int16)

    def feed(self, samples: Samples, at: float) -> Burst | None:
        """Take what came at `at` (seconds); the burst whose pitch is known now, if any.

        A burst without a clear pitch is none.
        """
        if self._onset is not None:
            return self._listen(samples)
        if not len(samples) or peak(samples) < LOUD:
            self._quiet += len(samples)
            return None
        loud = np.flatnonzero(samples >= LOUD)
        first = int(loud[0])
        is_onset = self._quiet + first >= self._quiet_needed
        self._quiet = len(samples) - 1 - int(loud[-1])
        if not is_onset:
            return None
        self._onset = (at, first)
        self._heard = np.zeros(0, dtype=np.int16)
        return self._listen(samples[first:])

    def rest(self, samples: int) -> None:
        """As many samples of silence passed that nobody sent."""
        self._quiet += samples

    def _listen(self, samples: Samples) -> Burst | None:
        """Collect the window from which the pitch is told."""
        assert self._onset is not None
        self._heard = np.concatenate([self._heard, samples])
        if len(self._heard) < self._window:
            return None
        at, offset = self._onset
        self._onset = None
        self._quiet = 0
        heard = self._heard[: self._window].astype(np.float64)
        # A tone that fills the window has all of its energy E in a correlation of sqrt(E * n / 2).
        shares = np.abs(self._basis @ heard) ** 2 * 2 / (self._window * float(heard @ heard))
        tone = int(np.argmax(shares))
        return Burst(tone, at, offset) if shares[tone] >= _CLEAR_SHARE else None
