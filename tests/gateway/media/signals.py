"""Signals for codec tests, PCM16 mono at 24 kHz."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE
from gateway.media.codec import Decoder, Encoder

Signal = npt.NDArray[np.float64]


def tones(*hertz: float, seconds: float = 1.0, level: float = 6_000.0) -> Signal:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    signal: Signal = sum((level * np.sin(2 * np.pi * f * time) for f in hertz), np.zeros(len(time)))
    return signal


def frames(signal: Signal) -> list[bytes]:
    pcm = np.rint(signal).astype("<i2").tobytes()
    size = 2 * FRAME_SAMPLES
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]


def samples(pcm: bytes) -> Signal:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def through(encoder: Encoder, decoder: Decoder, signal: Signal) -> Signal:
    """What is heard of a signal; both ends' delay is in it."""
    return samples(b"".join(decoder.decode(encoder.encode(frame)) for frame in frames(signal)))


def level_at(signal: Signal, hertz: float) -> float:
    """Amplitude of one tone in a signal."""
    time = np.arange(len(signal)) / SAMPLE_RATE
    window = np.hanning(len(signal))
    turned = np.sum(signal * window * np.exp(-2j * np.pi * hertz * time))
    return float(2 * np.abs(turned) / window.sum())


def delay_between(sent: Signal, heard: Signal, most: int = 400) -> int:
    """Samples by which ``heard`` follows ``sent``."""
    span = slice(2_000, 14_000)
    alike = [float(np.dot(sent[span], heard[2_000 + d : 14_000 + d])) for d in range(most)]
    return int(np.argmax(alike))
