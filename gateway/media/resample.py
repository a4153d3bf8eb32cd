"""Stateful sample rate conversion: a Kaiser-windowed sinc, sampled at the phases two rates need.

Output sample ``n`` is the input at the time ``n / target_rate``: nothing is shifted. To know it the
filter must see a little of what comes after, so output lags input by :attr:`Resampler.delay`
seconds until :meth:`Resampler.flush`. However the input is cut into chunks, the output is the same.

With the lower rate's Nyquist frequency as the unit, the response is flat within 0.1 dB up to 0.85
and 80 dB down from 1.1 on.

The phases repeat after ``up`` output samples, or ``down`` input samples. So a block of outputs is
one row of inputs times a fixed matrix, and a chunk is one product of matrices.
"""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]
Float64 = npt.NDArray[np.float64]

ZERO_CROSSINGS: Final = 24
"""Of the sinc on each side of its middle, at the lower rate: 3 ms at 8 kHz."""

CUTOFF: Final = 0.95
"""Middle of the transition, of the lower Nyquist frequency: at 8 kHz a telephone's 3.4 kHz pass."""

KAISER_BETA: Final = 8.0
"""80 dB of stopband attenuation."""

MAX_RATE: Final = 384_000

MAX_COEFFICIENTS: Final = 1_000_000
"""Of one pair's matrix; all pairs of the usual rates stay below a third of it."""

_MIN_BLOCK: Final = 32
"""Output samples in a block: below, rows overlap so much that copying them costs most."""

_LEAST: Final = np.array(-32_768.0)
_MOST: Final = np.array(32_767.0)

_CHUNK: Final = 65_536
"""Input samples of a whole recording converted at once, which bounds the memory."""


class Resampler:
    """Converts one mono stream.

    :param source_rate: Hz of the input.
    :param target_rate: Hz of the output.
    :raises ValueError: a rate that is not positive or over 384 kHz, or a pair with so small a
        common divisor that its filter would not fit.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        if not (0 < source_rate <= MAX_RATE and 0 < target_rate <= MAX_RATE):
            raise ValueError(f"cannot convert {source_rate} Hz to {target_rate} Hz")
        divisor = math.gcd(source_rate, target_rate)
        self._up = target_rate // divisor
        self._down = source_rate // divisor
        self._half = math.ceil(ZERO_CROSSINGS * max(1.0, source_rate / target_rate))
        if self._up * (self._down + 2 * self._half) > MAX_COEFFICIENTS:
            raise ValueError(f"{source_rate} Hz and {target_rate} Hz have too little in common")
        self._source_rate = source_rate
        self._is_identity = source_rate == target_rate
        self._matrix = _matrix(self._up, self._down, self._half)
        self._block = self._matrix.shape[1]
        self._step = self._block // self._up * self._down
        self._buffer: Float64 = np.zeros(self._half)
        """Inputs that are still needed, ``_filled`` of them, and room for more."""
        self._shape_for(1, self._half)
        self._begin()

    @property
    def delay(self) -> float:
        """Seconds of input that must follow an output sample before it is given."""
        return 0.0 if self._is_identity else self._half / self._source_rate

    def __call__(self, pcm: bytes | Int16) -> Int16:
        """Convert a chunk of any length; returns all samples that can be known by now.

        :raises ValueError: half a sample, or an array that is not one row of int16.
        """
        samples = _as_samples(pcm)
        if self._is_identity:
            return samples.copy()
        return self._convert(samples)

    def flush(self) -> Int16:
        """The samples held back, as if silence followed; the next chunk begins a new stream."""
        if self._is_identity:
            return np.empty(0, np.int16)
        rest = self._convert(np.zeros(self._half, np.int16))
        self._begin()
        return rest

    def _begin(self) -> None:
        # Silence before the first sample; its filter reaches that far back.
        self._filled = self._half - 1
        self._buffer[: self._filled] = 0
        # Output samples already given of the block whose inputs come first in the buffer.
        self._done = 0

    def _convert(self, samples: Int16) -> Int16:
        """Take inputs and give what is known, block by block; keep those of the block not
        complete.
        """
        filled = self._filled + len(samples)
        known = -(-max(0, filled - 2 * self._half + 1) * self._up // self._down)
        rows = -(-known // self._block)
        if rows != self._rows or filled > len(self._buffer):
            self._shape_for(rows, filled)
        buffer = self._buffer
        buffer[self._filled : filled] = samples
        output = self._product()[self._done : known]
        complete, self._done = divmod(known, self._block)
        self._filled = filled - complete * self._step
        if complete:
            buffer[: self._filled] = buffer[complete * self._step : filled]
        return output

    def _shape_for(self, rows: int, inputs: int) -> None:
        """Make ready for a product of so many blocks; frame after frame it is the same.

        Views by hand, and results where the last ones were: numpy's own conveniences, and fresh
        memory, cost more than the product.
        """
        width = self._matrix.shape[0]
        needed = max(inputs, rows * self._step + width)
        if needed > len(self._buffer):
            old, self._buffer = self._buffer, np.zeros(needed)
            self._buffer[: len(old)] = old
        stride = self._buffer.itemsize
        shape, strides = (rows, width), (self._step * stride, stride)
        self._rows = rows
        self._windows: Float64 = np.ndarray(shape, float, self._buffer, strides=strides)
        self._samples: Float64 = np.empty((rows, self._block))

    def _product(self) -> Int16:
        """All blocks; samples of the last one that lack inputs are wrong."""
        samples = np.matmul(self._windows, self._matrix, out=self._samples)
        np.rint(samples, out=samples)
        np.maximum(samples, _LEAST, out=samples)
        np.minimum(samples, _MOST, out=samples)
        return samples.astype(np.int16).reshape(-1)


def resample(pcm: bytes | Int16, source_rate: int, target_rate: int) -> Int16:
    """Convert a whole recording: ``n`` samples become ``ceil(n * target_rate / source_rate)``.

    :raises ValueError: as :class:`Resampler`.
    """
    resampler = Resampler(source_rate, target_rate)
    samples = _as_samples(pcm)
    chunks = [resampler(samples[at : at + _CHUNK]) for at in range(0, len(samples), _CHUNK)]
    return np.concatenate((*chunks, resampler.flush()))


def _as_samples(pcm: bytes | Int16) -> Int16:
    if isinstance(pcm, bytes):
        return np.frombuffer(pcm, "<i2")
    if pcm.dtype != np.int16 or pcm.ndim != 1:
        raise ValueError(f"one row of int16 is needed, not {pcm.ndim} of {pcm.dtype}")
    return pcm


@functools.lru_cache(maxsize=16)
def _matrix(up: int, down: int, half: int) -> Float64:
    """Maps the inputs of a block to its outputs: a column is one output's filter, moved along."""
    block = max(1, _MIN_BLOCK // up) * up
    start, phase = np.divmod(down * np.arange(block), up)
    filters = _filters(up, down, half)
    matrix = np.zeros((start[-1] + 2 * half, block))
    for column in range(block):
        matrix[start[column] : start[column] + 2 * half, column] = filters[phase[column]]
    matrix.setflags(write=False)
    return matrix


def _filters(up: int, down: int, half: int) -> Float64:
    """One filter a phase: ``up`` rows of ``2 * half`` coefficients that sum to one."""
    cutoff = CUTOFF * min(1.0, up / down)
    distance = np.arange(up)[:, np.newaxis] / up - np.arange(1 - half, half + 1)
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1 - (distance / half) ** 2)))
    filters: Float64 = np.sinc(cutoff * distance) * window
    filters /= filters.sum(axis=1, keepdims=True)
    return filters
