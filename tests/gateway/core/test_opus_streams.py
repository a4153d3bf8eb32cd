from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.opus_streams import (
    MAX_ELEMENT,
    BrokenStream,
    NotOpus,
    OggStream,
    OpusStream,
    WebmStream,
)
from tests.recordings import recording

STREAMS: dict[str, type[OpusStream]] = {"webm": WebmStream, "ogg": OggStream}


def packets(kind: str, *chunks: bytes) -> list[bytes]:
    stream = STREAMS[kind]()
    return [packet for chunk in chunks for packet in stream.feed(chunk)]


@pytest.mark.parametrize("kind", STREAMS)
def test_a_second_is_fifty_packets(kind: str) -> None:
    found = packets(kind, recording(kind))
    assert 50 <= len(found) <= 52
    assert all(0 < len(packet) < 1_276 for packet in found)


def test_both_containers_hold_the_same() -> None:
    assert packets("webm", recording("webm")) == packets("ogg", recording("ogg"))


@pytest.mark.parametrize("kind", STREAMS)
@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(0, 20_000), max_size=20))
def test_chunks_cut_anywhere_give_the_same(kind: str, cuts: list[int]) -> None:
    data = recording(kind)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert packets(kind, *chunks) == packets(kind, data)


@pytest.mark.parametrize("kind", STREAMS)
def test_byte_by_byte(kind: str) -> None:
    data = recording(kind)
    assert packets(kind, *(bytes([byte]) for byte in data)) == packets(kind, data)


def test_the_header_tells_the_channels() -> None:
    for kind, make in STREAMS.items():
        stream = make()
        list(stream.feed(recording(kind, "stereo")))
        assert stream.channels == 2


def test_only_ogg_says_its_end() -> None:
    for kind, make in STREAMS.items():
        stream = make()
        list(stream.feed(recording(kind)))
        assert stream.ended == (kind == "ogg")


TRACKS = bytes.fromhex("1654ae6b91ae8fd7810186") + b"\x8aA_VORBIS\0\0"
UNKNOWN = b"\x1a\x45\xdf\xa3\xff"


@pytest.mark.parametrize(
    ("kind", "data", "error"),
    [
        ("webm", b"\0" * 9, BrokenStream),
        ("webm", UNKNOWN, BrokenStream),
        ("webm", b"\xa3\x84\x81\0\0\0", BrokenStream),
        ("webm", b"\xa3\x81\0", BrokenStream),
        ("webm", b"\xa3" + (0x10000000 | (MAX_ELEMENT + 1)).to_bytes(4, "big"), BrokenStream),
        ("webm", TRACKS, NotOpus),
        ("webm", b"\x16\x54\xae\x6b\x80", NotOpus),
        ("ogg", b"\0" * 27, BrokenStream),
        ("ogg", b"OggS\0\0" + bytes(20) + b"\1\1x", NotOpus),
        ("ogg", b"OggS\1\2" + bytes(21), BrokenStream),
    ],
)
def test_what_cannot_be_read_is_told(kind: str, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        packets(kind, data)


@pytest.mark.parametrize("kind", STREAMS)
@settings(max_examples=200, deadline=None)
@given(noise=st.binary(max_size=300), at=st.integers(0, 2_000))
def test_noise_raises_nothing_else(kind: str, noise: bytes, at: int) -> None:
    data = recording(kind)
    with contextlib.suppress(BrokenStream, NotOpus):
        packets(kind, data[:at] + noise + data[at + len(noise) :])
