"""Recordings in containers: what one is, by its name and its first bytes, and those that come in a
recorder's chunks, decoded as they come. Whole files: ``gateway/media/files.py``.
"""

from __future__ import annotations

from typing import Final

from gateway.core.media_time import SAMPLE_RATE
from gateway.core.opus_streams import BrokenStream, NotOpus, OggStream, OpusStream, WebmStream
from gateway.media.decoded import Decoded, Work, not_understood
from gateway.media.opus import OpusDecoder, OpusError

CONTAINERS: Final = ("wav", "webm", "ogg", "mp3", "m4a", "flac")

_NAMES: Final = {
    **{name: name for name in CONTAINERS},
    **{"wave": "wav", "x-wav": "wav", "opus": "ogg", "mpeg": "mp3", "mp4": "m4a", "x-m4a": "m4a"},
}
_STREAMS: Final[dict[str, type[OpusStream]]] = {"webm": WebmStream, "ogg": OggStream}

_OPUS_RATE: Final = 48_000
"""Hz of an Opus stream's own time, whatever was recorded (RFC 7845 §4.1)."""


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

    :param container: one of :data:`CONTAINERS`.
    """

    def __init__(self, container: str) -> None:
        self.container = container
        kind = _STREAMS.get(container)
        self._stream = kind() if kind is not None else None
        self._opus = OpusDecoder(SAMPLE_RATE) if kind is not None else None
        self._skipped = 0
        """Bytes of PCM left out at the start."""

    @property
    def continues(self) -> bool:
        """Whether more of it may come."""
        return self._stream is not None and not self._stream.ended

    def goes_on_with(self, data: bytes) -> bool:
        """Whether what looks like a beginning is more of this: an Ogg page that is not the first of
        its stream (RFC 3533 §6).
        """
        more = data.startswith(b"OggS") and len(data) > 5 and not data[5] & 2
        return more and self.container == "ogg"

    def decode_stream(self, data: bytes) -> Decoded | None:
        """What an event brings of an Opus stream; None: it is a whole file of something else. Takes
        its time: see ``gateway/media/decoding.py``.

        :raises GatewayError: ``unsupported_format`` or ``too_large``; the recording is over.
        """
        stream, opus, self._stream = self._stream, self._opus, None
        if stream is None or opus is None:
            return None
        work = Work()
        try:
            for packet in stream.feed(data):
                work.add(self._without_pre_skip(opus.decode(packet), stream.pre_skip))
        except NotOpus:
            return None
        except (BrokenStream, OpusError):
            raise not_understood(self.container) from None
        self._stream = stream
        return work.done(_OPUS_RATE, stream.channels)

    def _without_pre_skip(self, pcm: bytes, pre_skip: int) -> bytes:
        """The decoder's run-up is no audio (RFC 7845 §4.2)."""
        left = 2 * (pre_skip * SAMPLE_RATE // _OPUS_RATE) - self._skipped
        passed = min(left, len(pcm))
        self._skipped += passed
        return pcm[passed:]
