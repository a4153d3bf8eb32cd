"""Opus in Ogg, written page by page (RFC 3533, RFC 7845): every page that is there can be played.

Two channels that have nothing in common are two streams of one channel each, packed into one packet
(channel mapping family 1, RFC 7845 §5.1.1.2; self-delimiting framing, RFC 6716 Appendix B).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final

OPUS_RATE: Final = 48_000
"""Hz of a granule position (RFC 7845 §4)."""

MAX_SEGMENTS: Final = 255

_CONTINUED, _FIRST, _LAST = 1, 2, 4
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class OggOpusStream:
    """The pages of one stream of Opus packets.

    :param serial: of the stream; 32 bits.
    """

    def __init__(self, serial: int) -> None:
        self._serial = serial
        self._sequence = 0

    def headers(self, pre_skip: int, input_rate: int, vendor: str) -> bytes:
        """The two pages that come first (RFC 7845 §5), for two channels without coupling.

        :param pre_skip: samples at 48 kHz that a player leaves out.
        """
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 2, pre_skip, input_rate, 0, 1)
        streams, coupled, left, right = 2, 0, 0, 1
        name = vendor.encode()
        tags = struct.pack(f"<8sI{len(name)}sI", b"OpusTags", len(name), name, 0)
        first = self.page([head + bytes((streams, coupled, left, right))], 0, flags=_FIRST)
        return first + self.page([tags], 0)

    def page(self, packets: Sequence[bytes], granule: int, *, flags: int = 0) -> bytes:
        """One page of whole packets.

        :param granule: samples at 48 kHz up to the end of the last packet, pre-skip included.
        :raises ValueError: they are too many, or too large, for a page.
        """
        lacing = b"".join(_lacing(len(packet)) for packet in packets)
        if len(lacing) > MAX_SEGMENTS:
            raise ValueError(f"{len(lacing)} segments in a page")
        head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, self._serial, self._sequence, 0)
        page = b"".join((head, bytes((len(lacing),)), lacing, *packets))
        self._sequence += 1
        return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]

    def last_page(self, packets: Sequence[bytes], granule: int) -> bytes:
        """As :meth:`page`, and nothing follows. A granule position before the packets' end cuts it
        there (RFC 7845 §4.4).
        """
        return self.page(packets, granule, flags=_LAST)


def segments(packet: bytes) -> int:
    """Of :data:`MAX_SEGMENTS` in a page, those that a packet takes."""
    return len(packet) // 255 + 1


def join(first: bytes, second: bytes) -> bytes:
    """One packet of two streams' packets, of one frame each.

    :raises ValueError: the first has more frames than one, or none.
    """
    if not first or first[0] & 3:
        raise ValueError("not a packet of one frame")
    size = len(first) - 1
    # RFC 6716 §3.2.1.
    length = bytes((size,)) if size < 252 else bytes((252 + (size & 3), (size - 252) >> 2))
    return b"".join((first[:1], length, first[1:], second))


def _lacing(size: int) -> bytes:
    return b"\xff" * (size // 255) + bytes((size % 255,))


def _checksum(page: bytes) -> int:
    """CRC-32 of RFC 3533 §6: zlib's polynomial, but with the bits of every byte, and of the result,
    the other way round, and begun at 0.
    """
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")
