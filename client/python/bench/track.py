"""What a caller sends: Opus packets made before the call, and where its probes are."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from client.python.bench import probes, staircase
from client.python.bench.opus import OpusEncoder
from client.python.bench.probes import TONES
from client.python.levels import Samples

RATE = 24_000
"""Hz of the PCM that is encoded; also what a Realtime model is sent."""

PACKET_SECONDS = 0.02
PACKET_SAMPLES = int(RATE * PACKET_SECONDS)
BIT_RATE = 32_000
PROBE_EVERY = 50
"""Packets: a probe each second."""

STAIR_PACKETS = 200
STAIR_LEAD = 25
"""Packets of silence before the staircase: what was said before it has come out when it begins."""
STAIR_LOST = 50
"""The packet of the staircase that `one-lost` takes: a second in, when its rest is known."""


@dataclass(frozen=True, slots=True)
class Track:
    """Packets of 20 ms. `probes`: the number of the packet in which a burst starts -> its tone."""

    payloads: tuple[bytes, ...]
    probes: Mapping[int, int]


def speech_track(speech: Samples, expected_loss: int) -> Track:
    """`speech` (at `RATE`) with a probe each second, cut to whole turns of probes so that it can
    be repeated; at least one turn, of 8 s."""
    turn = PROBE_EVERY * len(TONES)
    packets = max(turn, len(speech) // PACKET_SAMPLES // turn * turn)
    audio = np.resize(speech, packets * PACKET_SAMPLES)
    marks = {start: start // PROBE_EVERY % len(TONES) for start in range(1, packets, PROBE_EVERY)}
    for start, tone in marks.items():
        sample = start * PACKET_SAMPLES
        sound = probes.burst(tone, RATE)
        audio[sample - PACKET_SAMPLES : sample] = 0
        audio[sample : sample + len(sound)] = sound
    return Track(encoded(audio, expected_loss), marks)


@functools.cache
def staircase_track() -> Track:
    """`STAIR_LEAD` packets of silence, then `STAIR_PACKETS` numbered ones. No probes."""
    audio = np.concatenate(
        [np.zeros(STAIR_LEAD * PACKET_SAMPLES, dtype=np.int16)]
        + [staircase.stair(n, PACKET_SAMPLES, RATE) for n in range(STAIR_PACKETS)]
    )
    return Track(encoded(audio, 0), {})


def encoded(audio: Samples, expected_loss: int) -> tuple[bytes, ...]:
    """The packets of `audio` (at `RATE`, as long as some packets). `expected_loss`: percent; above
    0 each also carries the one before."""
    encoder = OpusEncoder(RATE, BIT_RATE, expected_loss)
    try:
        return tuple(
            encoder.encode(audio[start : start + PACKET_SAMPLES])
            for start in range(0, len(audio), PACKET_SAMPLES)
        )
    finally:
        encoder.close()
