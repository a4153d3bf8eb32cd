"""Sounds for the client's tests."""

import numpy as np

from client.python.levels import Samples


def tone(seconds: float, rate: int, *, hertz: float = 400.0, amplitude: float = 8000.0) -> Samples:
    count = round(seconds * rate)
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(count) / rate)
    return np.rint(wave).astype(np.int16)


def silence(seconds: float, rate: int) -> Samples:
    return np.zeros(round(seconds * rate), dtype=np.int16)


def joined(*parts: Samples) -> Samples:
    return np.concatenate(parts)
