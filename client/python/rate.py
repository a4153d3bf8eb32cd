"""Rate conversion that keeps its state from one block to the next."""

import av
import numpy as np

from client.python.levels import Samples


class RateConverter:
    """PCM16 mono from `source` Hz to `target` Hz.

    `push` returns what is ready (a filter's length is held back), `flush` the rest; after `flush`
    the converter is spent.
    """

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=target)

    def push(self, samples: Samples) -> Samples:
        if not len(samples):
            return samples
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = self._source
        return _joined(self._resampler.resample(frame))

    def flush(self) -> Samples:
        return _joined(self._resampler.resample(None))


def convert_rate(samples: Samples, source: int, target: int) -> Samples:
    """All of `samples` at `target` Hz."""
    if source == target or not len(samples):
        return samples
    converter = RateConverter(source, target)
    return np.concatenate([converter.push(samples), converter.flush()])


class Decimator:
    """48 kHz to 24 kHz with nothing held back: every two samples in give one out.

    A half-band low-pass (windowed sinc, 31 taps, 0.3 ms of delay), so that a frame of 960 samples
    is 480 at once. A general converter keeps some samples for its next block, and they would wait
    there until the agent's next talkspurt.
    """

    _TAPS = 31

    def __init__(self) -> None:
        offsets = np.arange(self._TAPS) - self._TAPS // 2
        taps = np.sinc(offsets / 2.0) * np.hamming(self._TAPS)
        self._filter = taps / taps.sum()
        self._history = np.zeros(self._TAPS - 1)

    def push(self, samples: Samples) -> Samples:
        """`samples`: 48 kHz, an even number. Returns half as many."""
        block = np.concatenate([self._history, samples])
        self._history = block[-(self._TAPS - 1) :]
        filtered = np.convolve(block, self._filter, mode="valid")[::2]
        return np.clip(np.rint(filtered), -32768, 32767).astype(np.int16)


def _joined(frames: list[av.AudioFrame]) -> Samples:
    parts = [frame.to_ndarray().reshape(-1).astype(np.int16, copy=False) for frame in frames]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)
