"""Whole recordings to PCM16 mono at 24 kHz, by FFmpeg.

Only the demuxers and decoders named here are opened: none that reads other files, as playlists do.
A file can still ask FFmpeg for more time and memory than there is, by its tags alone, before any of
this code runs again; so this is done in a process of its own, ``gateway/media/decoder.py``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

import av
import av.error

from gateway.core.media_time import SAMPLE_RATE
from gateway.media.decoded import Decoded, Work, not_understood

_DEMUXERS: Final = {
    "wav": "wav",
    "webm": "matroska",
    "ogg": "ogg",
    "mp3": "mp3",
    "m4a": "mov",
    "flac": "flac",
}
_DECODERS: Final = (
    *("aac", "alac", "flac", "libopus", "mp3", "mp3float", "opus", "vorbis"),
    *("pcm_alaw", "pcm_f32le", "pcm_f64le", "pcm_mulaw"),
    *("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_u8"),
)
_OPTIONS: Final = {
    "format_whitelist": ",".join([*_DEMUXERS.values(), "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"]),
    # No decoder of pictures: a cover of a few bytes can be gigabytes of pixels.
    "codec_whitelist": ",".join(_DECODERS),
    "protocol_whitelist": "",
    "max_streams": "8",
}
_RATES: Final = range(4_000, 192_001)
_CHANNELS: Final = range(1, 9)


def decode_file(container: str, data: bytes) -> Decoded:
    """The audio of a whole file; of one that was cut off, what there is.

    :param container: what its first bytes say that it is.
    :raises GatewayError: ``unsupported_format`` or ``too_large``.
    :raises MemoryError: there was too little.
    """
    try:
        return _decode(data, _DEMUXERS[container])
    except MemoryError:
        raise
    except (av.error.FFmpegError, ValueError, OverflowError):
        raise not_understood(container) from None


def _decode(data: bytes, demuxer: str) -> Decoded:
    work = Work()
    with av.open(io.BytesIO(data), format=demuxer, options=_OPTIONS) as file:
        stream = next(iter(file.streams.audio), None)
        codec = stream.codec_context if stream is not None else None
        if stream is None or codec is None or codec.name not in _DECODERS:
            raise ValueError("no audio of a kind that is decoded")
        if stream.rate not in _RATES or stream.channels not in _CHANNELS:
            raise ValueError("no rate or channels that can be")
        rate, channels = stream.rate, stream.channels
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        try:
            for frame in _frames(file, stream, work):
                for piece in resampler.resample(frame):
                    work.add(_pcm(piece))
        except (av.error.FFmpegError, ValueError) as error:
            if work.is_empty or isinstance(error, MemoryError):
                raise  # Else it was cut off: what came before is good.
        for piece in resampler.resample(None) if not work.is_empty else ():
            work.add(_pcm(piece))
    if work.is_empty:
        raise ValueError("no audio")
    return work.done(rate, channels)


def _frames(file: Any, stream: Any, work: Work) -> Iterator[Any]:
    for packet in file.demux(stream):
        work.add(b"")
        for frame in packet.decode():
            frame.pts = None  # A gap in the time stamps would be filled with hours of silence.
            yield frame


def _pcm(frame: Any) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * 2]
