"""What a recording holds, as a player decodes it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from gateway.core.media_time import SAMPLE_RATE

Samples = npt.NDArray[np.float64]


def decode(path: Path) -> Samples:
    """Both channels at 24 kHz, full scale 1; the shape is (2, samples)."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate = stream.codec_context.sample_rate
        pieces = [_plain(frame.to_ndarray(), frame) for frame in container.decode(stream)]
    sound = np.concatenate(pieces, axis=1)
    return sound[:, :: rate // SAMPLE_RATE]


def _plain(samples: npt.NDArray[np.generic], frame: av.AudioFrame) -> Samples:
    if frame.format.is_planar:
        return samples.astype(np.float64)
    scaled = samples.reshape(-1, 2).T.astype(np.float64)
    return scaled / 32768 if samples.dtype == np.int16 else scaled


def onset(channel: Samples, level: float = 0.02) -> int:
    """The first sample as loud as this."""
    loud = np.abs(channel) > level
    assert loud.any(), "nothing is heard"
    return int(loud.argmax())


def loud_seconds(channel: Samples, level: float = 0.02) -> float:
    """By frames of 10 ms."""
    frames = channel[: len(channel) // 240 * 240].reshape(-1, 240)
    return float((np.abs(frames).max(axis=1) > level).sum() * 0.01)
