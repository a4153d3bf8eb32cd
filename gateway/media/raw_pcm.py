"""Header-less PCM16 as clients send it, in chunks cut anywhere, to what a model takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gateway.core.media_time import SAMPLE_RATE
from gateway.media.resample import Resampler

SAMPLE_BYTES = 2

_STEP = 32_768
"""Sample frames converted at once: below a millisecond of work."""


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """What header-less PCM16 is: little-endian, interleaved.

    :ivar sample_rate: Hz.
    :ivar channels: 1 or 2.
    """

    sample_rate: int = SAMPLE_RATE
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return SAMPLE_BYTES * self.channels

    def duration_ms(self, size: int) -> int:
        """Whole milliseconds in ``size`` bytes."""
        return size // self.frame_bytes * 1000 // self.sample_rate


class RawPcm:
    """One stream of PCM16 to mono at :data:`~gateway.core.media_time.SAMPLE_RATE`.

    :raises ValueError: a rate that cannot be converted.
    """

    def __init__(self, form: PcmFormat) -> None:
        self._form = form
        self._resampler = Resampler(form.sample_rate, SAMPLE_RATE)
        self._rest = b""

    def convert(self, pcm: bytes) -> Iterator[bytes]:
        """The audio of a chunk, in pieces of bounded work. What is left of a sample at its end
        waits for the next one.
        """
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % self._form.frame_bytes
        self._rest = pcm[whole:]
        step = _STEP * self._form.frame_bytes
        for start in range(0, whole, step):
            samples = np.frombuffer(pcm[start : min(start + step, whole)], "<i2")
            if self._form.channels > 1:
                mixed = samples.reshape(-1, self._form.channels).mean(axis=1)
                samples = np.rint(mixed).astype(np.int16)
            yield self._resampler(samples.astype(np.int16, copy=False)).astype("<i2").tobytes()

    def flush(self) -> bytes:
        """The samples the resampler held back; the next chunk begins a new stream."""
        self._rest = b""
        return self._resampler.flush().astype("<i2").tobytes()
