"""Pages of Opus, against the specification bit by bit; that players read them is seen in
``tests/gateway/recording/test_sound.py``.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ogg import MAX_SEGMENTS, OggOpusStream, join, segments
from gateway.core.opus_streams import OggStream


def crc(data: bytes) -> int:
    """RFC 3533 §6, as it stands there."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
            value &= 0xFFFFFFFF
    return value


@given(st.lists(st.binary(max_size=700), min_size=1, max_size=40))
def test_a_page_holds_its_packets_under_its_checksum(packets: list[bytes]) -> None:
    stream = OggOpusStream(0xABCDEF01)
    page = stream.page(packets, 12345)
    told = struct.unpack("<I", page[22:26])[0]
    assert told == crc(page[:22] + bytes(4) + page[26:])
    assert page[:6] == b"OggS\0\0"
    assert struct.unpack("<qII", page[6:22]) == (12345, 0xABCDEF01, 0)
    lacing = page[27 : 27 + page[26]]
    assert len(lacing) == sum(map(segments, packets))
    assert page[27 + page[26] :] == b"".join(packets)


def test_what_does_not_fit_a_page_is_refused() -> None:
    stream = OggOpusStream(1)
    with pytest.raises(ValueError, match="256 segments"):
        stream.page([b"x"] * (MAX_SEGMENTS + 1), 0)


def test_a_reader_finds_every_packet() -> None:
    stream, reader = OggOpusStream(7), OggStream()
    packets = [bytes([0xD8, n]) * (1 + n) for n in range(1, 200)]
    data = stream.headers(312, 24_000, "Talkpath")
    data += stream.page(packets[:90], 90 * 960)
    data += stream.last_page(packets[90:], 190 * 960)
    assert list(reader.feed(data)) == packets
    assert (reader.channels, reader.pre_skip, reader.ended) == (2, 312, True)


@pytest.mark.parametrize("size", [1, 2, 251, 252, 253, 254, 255, 256, 1000, 1275])
def test_the_first_of_two_packets_tells_its_length(size: int) -> None:
    first, second = b"\xd8" + b"a" * (size - 1), b"\xd8bcd"
    both = join(first, second)
    # RFC 6716 §3.2.1 read back.
    length, at = both[1], 2
    if length >= 252:
        length, at = 4 * both[2] + length, 3
    assert both[:1] + both[at : at + length] == first
    assert both[at + length :] == second


@pytest.mark.parametrize("packet", [b"", b"\xd9ab", b"\xdb\x02ab"])
def test_a_packet_of_more_frames_cannot_be_joined(packet: bytes) -> None:
    with pytest.raises(ValueError, match="one frame"):
        join(packet, b"\xd8")
