"""Recordings in every container that ``send_audio`` takes, made with the encoders PyAV carries."""

from __future__ import annotations

import functools
import io

import av
import numpy as np

KINDS = {
    "wav": ("wav", "pcm_s16le"),
    "webm": ("webm", "libopus"),
    "ogg": ("ogg", "libopus"),
    "mp3": ("mp3", "libmp3lame"),
    "m4a": ("mp4", "aac"),
    "flac": ("flac", "flac"),
}
"""Container of the contract: muxer and encoder."""


def tone(seconds: float, rate: int) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (9_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)


def encode(kind: str, samples: np.ndarray, rate: int, layout: str = "mono") -> bytes:
    """A whole file of mono ``samples`` at ``rate``."""
    muxer, encoder = KINDS[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=muxer) as container:
        stream = container.add_stream(encoder, rate=rate)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


@functools.cache
def recording(kind: str, layout: str = "mono", seconds: float = 1.0) -> bytes:
    """A tone of 440 Hz at 48 kHz."""
    return encode(kind, tone(seconds, 48_000), 48_000, layout)
