"""Packet loss concealment for codecs that have none, after the idea of G.711 Appendix I: a hole is
filled with the last pitch period over and over, which fades within 60 ms, and what comes after the
hole is blended in.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from gateway.core.media_time import SAMPLE_RATE

Int16 = npt.NDArray[np.int16]
Float32 = npt.NDArray[np.float32]

_PERIODS: Final = range(SAMPLE_RATE * 5 // 2000, SAMPLE_RATE * 15 // 1000)
"""Samples: voices from 66 to 400 Hz."""

_WINDOW: Final = SAMPLE_RATE // 50
"""Samples that must be alike one period apart."""

_HISTORY: Final = _WINDOW + _PERIODS[-1]

_BLEND: Final = SAMPLE_RATE // 250
"""Samples over which the hole passes into what follows."""

_FADE_FROM: Final = SAMPLE_RATE // 100
_FADE_TO: Final = SAMPLE_RATE * 6 // 100
"""Samples of a hole from which its voice fades, and at which it is gone."""

_RAMP: Final = (np.arange(1, _BLEND + 1) / (_BLEND + 1)).astype(np.float32)


class Concealer:
    """What was heard of one stream (PCM16 mono, 24 kHz), and how it might go on."""

    def __init__(self) -> None:
        self._history: Int16 = np.zeros(_HISTORY, np.int16)
        self._cycle: Float32 = np.zeros(1, np.float32)
        self._concealed = 0
        """Samples of the hole that is being filled."""

    def heard(self, pcm: Int16) -> Int16:
        """What was decoded next; the same, with its beginning blended if a hole came before it."""
        if self._concealed:
            blend = min(_BLEND, len(pcm))
            ramp = _RAMP[:blend]
            pcm = pcm.copy()
            pcm[:blend] = self._continue(blend) * (1 - ramp) + pcm[:blend] * ramp
            self._concealed = 0
        self._remember(pcm)
        return pcm

    def conceal(self, samples: int) -> Int16:
        """``samples`` that continue what was heard."""
        if not self._concealed:
            self._cycle = self._history[-_period(self._history) :].astype(np.float32)
        pcm = self._continue(samples).astype(np.int16)
        self._concealed += samples
        return pcm

    def _continue(self, samples: int) -> Float32:
        at = np.arange(self._concealed, self._concealed + samples)
        gain = np.clip((_FADE_TO - at) / (_FADE_TO - _FADE_FROM), 0, 1).astype(np.float32)
        return self._cycle[at % len(self._cycle)] * gain

    def _remember(self, pcm: Int16) -> None:
        if len(pcm) >= _HISTORY:
            self._history = pcm[-_HISTORY:]
        else:
            self._history = np.concatenate((self._history[len(pcm) :], pcm))


def _period(history: Int16) -> int:
    """The distance at which the last of ``history`` is most like what came before it."""
    signal = history.astype(np.float32)
    last = signal[-_WINDOW:]
    # Row p is the window that lies _PERIODS[-1] - p samples before the last one.
    windows = np.lib.stride_tricks.sliding_window_view(signal, _WINDOW)[: len(_PERIODS)]
    energy = np.sqrt(np.einsum("ij,ij->i", windows, windows)) + 1.0
    return _PERIODS[-1] - int(np.argmax(windows @ last / energy))
