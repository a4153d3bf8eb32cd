"""Header-less PCM16 as clients send it, in chunks cut anywhere, to what a model takes.

A gateway whose clients send what a model takes converts nothing, and does without numpy: 20 MB, and
a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.core.media_time import SAMPLE_RATE

if TYPE_CHECKING:
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


def resampler(source_rate: int, target_rate: int) -> Resampler | None:
    """None: the rates are the same.

    :raises ValueError: a rate that cannot be converted.
    """
    if source_rate == target_rate:
        return None
    from gateway.media.resample import Resampler

    return Resampler(source_rate, target_rate)


class RawPcm:
    """One stream of PCM16 to mono at :data:`~gateway.core.media_time.SAMPLE_RATE`.

    :raises ValueError: a rate that cannot be converted.
    """

    def __init__(self, form: PcmFormat) -> None:
        self._form = form
        self._resampler = resampler(form.sample_rate, SAMPLE_RATE)
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
            piece = pcm[start : min(start + step, whole)]
            if self._form.channels > 1:
                piece = _mix_down(piece, self._form.channels)
            if self._resampler is not None:
                piece = self._resampler(piece).astype("<i2", copy=False).tobytes()
            yield piece

    def flush(self) -> bytes:
        """The samples the resampler held back; the next chunk begins a new stream."""
        self._rest = b""
        if self._resampler is None:
            return b""
        return self._resampler.flush().astype("<i2", copy=False).tobytes()


def _mix_down(pcm: bytes, channels: int) -> bytes:
    import numpy as np

    mixed = np.frombuffer(pcm, "<i2").reshape(-1, channels).mean(axis=1)
    samples: bytes = np.rint(mixed).astype("<i2").tobytes()
    return samples
