"""Loudness of PCM16: RMS in dBFS, where a full-scale square wave is 0 dBFS."""

import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
"""PCM16, one channel: shape (samples,)."""

SILENCE_DBFS = -96.0
"""What digital silence is given: the floor of 16 bits, so that levels stay finite."""

_FULL_SCALE = 32768.0


def level_dbfs(samples: Samples) -> float:
    """RMS level of `samples`, never under `SILENCE_DBFS`."""
    if not len(samples):
        return SILENCE_DBFS
    wide = samples.astype(np.float64)
    return power_dbfs(float(np.dot(wide, wide)) / len(samples))


def power_dbfs(mean_square: float) -> float:
    """Level of a mean square of sample values (0 … 32768²)."""
    if mean_square <= 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(mean_square / _FULL_SCALE**2))


def frame_levels(samples: Samples, frame: int) -> NDArray[np.float64]:
    """Level of every whole or part frame of `frame` samples, in dBFS: shape (ceil(n / frame),)."""
    count = -(-len(samples) // frame)
    padded = np.zeros(count * frame, dtype=np.float64)
    padded[: len(samples)] = samples
    mean_square = np.mean(np.square(padded.reshape(count, frame)), axis=1)
    floor = 10.0 ** (SILENCE_DBFS / 10.0) * _FULL_SCALE**2
    levels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(mean_square, floor) / _FULL_SCALE**2)
    return levels
