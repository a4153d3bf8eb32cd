"""Media time: every position inside the gateway is a count of samples at one rate."""

from __future__ import annotations

SAMPLE_RATE = 24_000
"""Hz; PCM inside the gateway is 16-bit little-endian mono at this rate, as the Realtime protocol's
is.
"""

FRAME_SAMPLES = SAMPLE_RATE // 50
"""Samples in a 20 ms frame, the unit a leg sends."""

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
"""Seconds in a frame."""


PACKET_MS = (10, 20, 30, 40, 60)
"""Milliseconds of audio that a packet may have, if its codec can; 20 unless the caller asks."""

PACKET_SAMPLES = frozenset(ms * SAMPLE_RATE // 1000 for ms in PACKET_MS)
"""The same in samples."""


def to_ms(samples: int) -> int:
    """Whole milliseconds in ``samples``; rounded down, so that a position never lies beyond the
    audio.
    """
    return samples * 1000 // SAMPLE_RATE
