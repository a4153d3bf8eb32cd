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
        self._input: Float64 = np.empty(0)
        self._done = 0
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
        self._input = np.concatenate((self._input, samples))
        return self._convert()

    def flush(self) -> Int16:
        """The samples held back, as if silence followed; the next chunk begins a new stream."""
        if self._is_identity:
            return np.empty(0, np.int16)
        self._input = np.concatenate((self._input, np.zeros(self._half)))
        rest = self._convert()
        self._begin()
        return rest

    def _begin(self) -> None:
        # Silence before the first sample; its filter reaches that far back.
        self._input = np.zeros(self._half - 1)
        # Output samples already given of the block whose inputs come first in ``_input``.
        self._done = 0

    def _convert(self) -> Int16:
        """Give what is known, block by block; keep the inputs of the block not complete."""
        starts = max(0, len(self._input) - 2 * self._half + 1)
        known = -(-starts * self._up // self._down)
        rows = -(-known // self._block)
        output = self._rows(rows).reshape(-1)[self._done : known]
        complete, self._done = divmod(known, self._block)
        self._input = self._input[complete * self._step :]
        return output

    def _rows(self, rows: int) -> Int16:
        """The first ``rows`` blocks; samples of the last one that lack inputs are wrong."""
        width = self._matrix.shape[0]
        inputs = np.zeros(rows * self._step + width)
        inputs[: len(self._input)] = self._input[: len(inputs)]
        # A view by hand, and ufuncs in place: numpy's own conveniences cost more than the product.
        stride = inputs.itemsize
        shape, strides = (rows, width), (self._step * stride, stride)
        windows: Float64 = np.ndarray(shape, inputs.dtype, inputs, strides=strides)
        samples = windows @ self._matrix
        np.rint(samples, out=samples)
        np.maximum(samples, -32_768, out=samples)
        np.minimum(samples, 32_767, out=samples)
        return samples.astype(np.int16)


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
