"""Opus packets out of WebM and Ogg as recorders stream them: in chunks cut anywhere, of which only
the first holds the header.

A whole file's demuxer wants its file whole. These read what they get and keep what is not complete;
of WebM they know what a recorder writes: elements of known or unknown size, blocks without lacing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

MAX_ELEMENT: Final = 1 << 17
"""Bytes of an element or packet that is kept until it is complete."""

MAX_PASSED: Final = 50_000
"""Elements, pages or packets in a row without audio: a few bytes each, and work for seconds."""

_SEGMENT, _CLUSTER, _BLOCK_GROUP = 0x18538067, 0x1F43B675, 0xA0
_TRACKS, _TRACK, _AUDIO = 0x1654AE6B, 0xAE, 0xE1
_TRACK_NUMBER, _CODEC_ID, _CODEC_PRIVATE, _CHANNELS = 0xD7, 0x86, 0x63A2, 0x9F
_SIMPLE_BLOCK, _BLOCK = 0xA3, 0xA1
_OPENED: Final = frozenset({_SEGMENT, _CLUSTER, _BLOCK_GROUP})
"""Elements whose children are read one by one, however long they go on."""
_KEPT: Final = frozenset({_TRACKS, _SIMPLE_BLOCK, _BLOCK})
_LACING: Final = 0x06


class BrokenStream(Exception):
    """The stream cannot be read any further."""


class NotOpus(Exception):
    """There is no Opus in it."""


class OpusStream(ABC):
    """A stream's packets.

    :ivar channels: as its header says, once it was read; so is ``pre_skip``, the samples at 48 kHz
        that are decoded and not played (RFC 7845 §4.2).
    :ivar ended: it said that nothing will follow.
    """

    def __init__(self) -> None:
        self.channels = 1
        self.pre_skip = 0
        self.ended = False
        self._buffer = bytearray()
        self._passed = 0

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[bytes]:
        """The packets complete by now.

        :raises BrokenStream, NotOpus: the stream is of no further use.
        """

    def _pass(self) -> None:
        self._passed += 1
        if self._passed > MAX_PASSED:
            raise BrokenStream("no audio for too long")

    def _found(self, packet: bytes) -> bytes:
        self._passed = 0
        return packet


class WebmStream(OpusStream):
    """Matroska (RFC 9559) with one Opus track; others beside it are passed over."""

    def __init__(self) -> None:
        super().__init__()
        self._track: int | None = None
        self._skip = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        while True:
            passed = min(self._skip, len(self._buffer))
            del self._buffer[:passed]
            self._skip -= passed
            head = None if self._skip else _element(self._buffer)
            if head is None:
                return
            self._pass()
            kind, size, start = head
            if kind in _OPENED:
                del self._buffer[:start]
                continue
            if size is None:
                raise BrokenStream("an element of unknown size")
            if kind not in _KEPT:
                del self._buffer[:start]
                self._skip = size
                continue
            if size > MAX_ELEMENT:
                raise BrokenStream("an element too large")
            if len(self._buffer) < start + size:
                return
            content = bytes(self._buffer[start : start + size])
            del self._buffer[: start + size]
            if kind != _TRACKS:
                yield from self._packet(content)
            elif self._track is None:
                self._read_tracks(content)

    def _read_tracks(self, content: bytes) -> None:
        for kind, track in _children(content):
            fields = dict(_children(track)) if kind == _TRACK else {}
            if fields.get(_CODEC_ID, b"").rstrip(b"\0") == b"A_OPUS":
                self._track = int.from_bytes(fields.get(_TRACK_NUMBER, b""), "big")
                audio = dict(_children(fields.get(_AUDIO, b"")))
                self.channels = int.from_bytes(audio.get(_CHANNELS, b"\1"), "big")
                self.pre_skip = _pre_skip(fields.get(_CODEC_PRIVATE, b""))
                return
        raise NotOpus

    def _packet(self, block: bytes) -> Iterator[bytes]:
        track = _number(block, 0, keep_marker=False)
        if track is None or len(block) < track[1] + 3:
            raise BrokenStream("a block without its header")
        if self._track is None:
            raise BrokenStream("a block before the tracks")
        number, start = track
        if block[start + 2] & _LACING:
            raise BrokenStream("a block with lacing")
        if number == self._track and len(block) > start + 3:
            yield self._found(block[start + 3 :])


class OggStream(OpusStream):
    """Ogg (RFC 3533): its first Opus stream (RFC 7845), and one that follows when that has ended.
    Pages of others are passed over.
    """

    def __init__(self) -> None:
        super().__init__()
        self._serial: bytes | None = None
        self._packet = bytearray()
        self._headers = 2

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        while len(self._buffer) >= 27:
            if self._buffer[:5] != b"OggS\0":
                raise BrokenStream("no page where one must be")
            lacing = self._buffer[27 : 27 + self._buffer[26]]
            start = 27 + self._buffer[26]
            end = start + sum(lacing)
            if len(lacing) < self._buffer[26] or len(self._buffer) < end:
                return
            serial, body = bytes(self._buffer[14:18]), bytes(self._buffer[start:end])
            first, last = bool(self._buffer[5] & 2), bool(self._buffer[5] & 4)
            del self._buffer[:end]
            self._pass()
            free = self._serial is None or self.ended
            if free and first and body.startswith(b"OpusHead") and len(body) >= 19:
                self._serial, self._headers, self.channels = serial, 2, body[9]
                self.pre_skip = _pre_skip(body)
                self._packet.clear()
            elif self._serial is None and not first:
                raise NotOpus
            if serial == self._serial:
                self.ended = last
                yield from self._packets(lacing, body)

    def _packets(self, lacing: bytearray, body: bytes) -> Iterator[bytes]:
        at = 0
        for size in lacing:
            self._packet += body[at : at + size]
            at += size
            if len(self._packet) > MAX_ELEMENT:
                raise BrokenStream("a packet too large")
            if size == 255:
                continue
            packet = bytes(self._packet)
            self._packet.clear()
            if self._headers:
                self._headers -= 1
            elif packet:
                yield self._found(packet)
            else:
                self._pass()


def _pre_skip(head: bytes) -> int:
    """Of an Opus identification header (RFC 7845 §5.1)."""
    return int.from_bytes(head[10:12], "little") if head.startswith(b"OpusHead") else 0


def _number(data: bytes | bytearray, at: int, *, keep_marker: bool) -> tuple[int, int] | None:
    """A variable-size integer (RFC 8794 §4) and where it ends; None while it is not complete."""
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > 8:
        raise BrokenStream("no element where one must be")
    if len(data) < at + length:
        return None
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep_marker else value & ((1 << (7 * length)) - 1), at + length


def _element(data: bytes | bytearray, at: int = 0) -> tuple[int, int | None, int] | None:
    """An element's id, its size (None: unknown) and where its content starts."""
    kind = _number(data, at, keep_marker=True)
    size = kind and _number(data, kind[1], keep_marker=False)
    if kind is None or size is None:
        return None
    width = size[1] - kind[1]
    unknown = size[0] == (1 << (7 * width)) - 1
    return kind[0], None if unknown else size[0], size[1]


def _children(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while (head := _element(content, at)) is not None:
        kind, size, start = head
        if size is None:
            raise BrokenStream("an element of unknown size")
        yield kind, content[start : start + size]
        at = start + size
