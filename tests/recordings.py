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

VORBIS = {"ogg of Vorbis": ("ogg", "vorbis"), "webm of Vorbis": ("webm", "vorbis")}
"""The same containers with another codec. FFmpeg's own encoder knows stereo alone."""


def tone(seconds: float, rate: int) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (9_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)


def encode(
    kind: str,
    samples: np.ndarray,
    rate: int,
    layout: str = "mono",
    options: dict[str, str] | None = None,
) -> bytes:
    """A whole file of mono ``samples`` at ``rate``.

    :param options: of FFmpeg's muxer.
    """
    muxer, encoder = (KINDS | VORBIS)[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=muxer, options=options or {}) as container:
        stream = container.add_stream(encoder, rate=rate, options={"strict": "experimental"})
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


def fragmented_m4a() -> bytes:
    """A second, as recorders write it that do not know the end (ISO/IEC 14496-12 §8.8)."""
    options = {"movflags": "empty_moov+default_base_moof", "frag_duration": "200000"}
    return encode("m4a", tone(1.0, 48_000), 48_000, options=options)
