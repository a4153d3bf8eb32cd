"""Audio as the Realtime protocol carries it, and as the model wants it.

On the wire: 16-bit little-endian PCM at 24 kHz, or G.711 at 8 kHz (ITU-T G.711). Inside: 16 kHz for
voice activity and recognition, 24 kHz for speech. Always mono.
"""

from __future__ import annotations

import enum
import functools

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Waveform = npt.NDArray[np.float32]
"""Samples scaled to [-1, 1]."""

RECOGNITION_RATE = 16_000
SPEECH_RATE = 24_000


class AudioFormat(enum.Enum):
    """A Realtime audio format by its protocol name."""

    PCM = "audio/pcm"
    PCMU = "audio/pcmu"
    PCMA = "audio/pcma"

    @property
    def rate(self) -> int:
        """Samples a second."""
        return 24_000 if self is AudioFormat.PCM else 8_000

    @property
    def sample_size(self) -> int:
        """Bytes a sample."""
        return 2 if self is AudioFormat.PCM else 1

    def decode(self, data: bytes) -> Samples:
        """Wire bytes to samples at `rate`; ``data`` holds whole samples."""
        if self is AudioFormat.PCM:
            return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
        decoded: Samples = _expansion(self)[np.frombuffer(data, np.uint8)]
        return decoded

    def encode(self, samples: Samples) -> bytes:
        """Samples at `rate` to wire bytes."""
        if self is AudioFormat.PCM:
            return samples.astype("<i2", copy=False).tobytes()
        return _compression(self)[samples.view(np.uint16)].tobytes()


@functools.cache
def _expansion(audio_format: AudioFormat) -> Samples:
    """G.711 code -> 16-bit sample, 256 entries."""
    code = np.arange(256, dtype=np.int32)
    if audio_format is AudioFormat.PCMU:
        code = ~code & 0xFF
        magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
        negative = (code & 0x80) != 0
    else:
        code = code ^ 0x55
        segment = (code & 0x70) >> 4
        step = ((code & 0x0F) << 4) + 8
        magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
        negative = (code & 0x80) == 0
    return np.where(negative, -magnitude, magnitude).astype(np.int16)


@functools.cache
def _compression(audio_format: AudioFormat) -> npt.NDArray[np.uint8]:
    """16-bit sample, read as unsigned, -> the G.711 code whose value is nearest; 65536 entries."""
    values = _expansion(audio_format).astype(np.int32)
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    boundaries = (ascending[1:] + ascending[:-1]) / 2
    every_sample = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
    return order[np.searchsorted(boundaries, every_sample)].astype(np.uint8)


def to_waveform(samples: Samples) -> Waveform:
    """16-bit samples to [-1, 1)."""
    return samples.astype(np.float32) * np.float32(1 / 32768)


def to_samples(waveform: Waveform) -> Samples:
    """[-1, 1] to 16-bit samples, clipped."""
    return (np.clip(waveform, -1.0, 1.0) * 32767).astype(np.int16)
