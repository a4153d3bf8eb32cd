"""Recordings in containers to PCM16 mono at 24 kHz.

What a recording is, its first bytes say, and only the demuxers named here are opened: none that
reads other files, as playlists do. What comes out is bounded, however little went in: seconds of
audio, and seconds of work. These functions take their time: see ``gateway/media/decoding.py``.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import av
import av.error

from gateway.core.events import ErrorCode, GatewayError
from gateway.core.media_time import SAMPLE_RATE
from gateway.core.opus_streams import BrokenStream, NotOpus, OggStream, OpusStream, WebmStream
from gateway.media.opus import OpusDecoder, OpusError

MAX_SECONDS: Final = 600
"""Of audio in one event."""

MAX_WORK: Final = 0.9
"""Seconds of CPU for one event."""

_MAX_FRAMES: Final = 200_000
"""In a movie's tables, which a few bytes can make gigabytes of: an hour at 48 kHz has fewer."""

_TABLES: Final = {b"stsz": 12, b"stz2": 12, b"trun": 8}
"""Movie boxes that count frames, and where from their type the count stands (ISO/IEC 14496-12
§8.7.3, §8.8.8).
"""

_MAX_BYTES: Final = MAX_SECONDS * SAMPLE_RATE * 2
_RATES: Final = range(4_000, 192_001)
_CHANNELS: Final = range(1, 9)

_DEMUXERS: Final = {
    "wav": "wav",
    "webm": "matroska",
    "ogg": "ogg",
    "mp3": "mp3",
    "m4a": "mov",
    "flac": "flac",
}
_NAMES: Final = {
    **{name: name for name in _DEMUXERS},
    **{"wave": "wav", "x-wav": "wav", "opus": "ogg", "mpeg": "mp3", "mp4": "m4a", "x-m4a": "m4a"},
}
_STREAMS: Final[dict[str, type[OpusStream]]] = {"webm": WebmStream, "ogg": OggStream}
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


@dataclass(frozen=True, slots=True)
class Decoded:
    """The audio of one event: ``pcm`` as a model takes it, the rest as it was recorded."""

    pcm: bytes
    sample_rate: int
    channels: int


def container_of(name: str) -> str | None:
    """The container that a client means, by name or MIME type; None: there is none of that name."""
    word = name.strip().lower().split(";")[0].strip()
    return _NAMES.get(word.removeprefix("audio/").removeprefix("video/"))


def probe(data: bytes) -> str | None:
    """The container that begins here, if it can be told from PCM."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[4:8] == b"ftyp":
        return "m4a"
    magic = {b"\x1aE\xdf\xa3": "webm", b"OggS": "ogg", b"fLaC": "flac", b"ID3": "mp3"}
    return next((name for start, name in magic.items() if data.startswith(start)), None)


def is_mp3(data: bytes) -> bool:
    """Whether an MPEG audio frame begins here, which PCM may look like."""
    return len(data) > 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0


class Recording:
    """One recording of a client: a whole file, or a stream of which each event brings more.

    :param container: one that :func:`probe` names.
    """

    def __init__(self, container: str) -> None:
        self.container = container
        kind = _STREAMS.get(container)
        self._stream = kind() if kind is not None else None
        self._opus = OpusDecoder(SAMPLE_RATE) if kind is not None else None

    @property
    def continues(self) -> bool:
        """Whether more of it may come."""
        return self._stream is not None and not self._stream.ended

    def decode(self, data: bytes) -> Decoded:
        """What an event brings.

        :raises GatewayError: ``unsupported_format`` or ``too_large``; the recording is over.
        """
        work = _Work()
        try:
            if self._stream is not None:
                with contextlib.suppress(NotOpus):
                    return self._decode_stream(self._stream, data, work)
                self._stream = None
            return _decode_file(data, _DEMUXERS[self.container], work)
        except (BrokenStream, OpusError):
            self._stream = None
            raise _not_understood(self.container) from None
        except (av.error.FFmpegError, ValueError, OverflowError, MemoryError):
            raise _not_understood(self.container) from None

    def _decode_stream(self, stream: OpusStream, data: bytes, work: _Work) -> Decoded:
        assert self._opus is not None
        for packet in stream.feed(data):
            work.add(self._opus.decode(packet))
        return Decoded(bytes(work.pcm), 48_000, stream.channels)


class _Work:
    """What came out so far, and what it cost."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self._until = time.thread_time() + MAX_WORK

    def add(self, pcm: bytes) -> None:
        """:raises GatewayError: ``too_large``."""
        self.pcm += pcm
        if len(self.pcm) > _MAX_BYTES:
            raise GatewayError(
                ErrorCode.TOO_LARGE, f"a recording may have {MAX_SECONDS} s in one event"
            )
        if time.thread_time() > self._until:
            raise GatewayError(ErrorCode.TOO_LARGE, "the recording takes too long to decode")


def _check_tables(data: bytes) -> None:
    """:raises ValueError: a movie's tables are too long, or compressed."""
    frames = 0
    for box, offset in _TABLES.items():
        at = data.find(box)
        while at >= 0:
            frames += int.from_bytes(data[at + offset : at + offset + 4], "big")
            at = data.find(box, at + 4)
    if frames > _MAX_FRAMES or b"cmov" in data:
        raise ValueError("the tables of a movie are too long")


def _decode_file(data: bytes, demuxer: str, work: _Work) -> Decoded:
    if demuxer == _DEMUXERS["m4a"]:
        _check_tables(data)
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
        except (av.error.FFmpegError, ValueError):
            if not work.pcm:
                raise  # Else it was cut off: what came before is good.
        for piece in resampler.resample(None) if work.pcm else ():
            work.add(_pcm(piece))
    if not work.pcm:
        raise ValueError("no audio")
    return Decoded(bytes(work.pcm), rate, channels)


def _frames(file: Any, stream: Any, work: _Work) -> Iterator[Any]:
    for packet in file.demux(stream):
        work.add(b"")
        for frame in packet.decode():
            frame.pts = None  # A gap in the time stamps would be filled with hours of silence.
            yield frame


def _pcm(frame: Any) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * 2]


def _not_understood(container: str) -> GatewayError:
    return GatewayError(ErrorCode.UNSUPPORTED_FORMAT, f"this {container} cannot be decoded")
