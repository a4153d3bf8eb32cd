from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.opus_streams import (
    MAX_ELEMENT,
    MAX_PASSED,
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


OGG = recording("ogg")
OGG_PAGES = [b"OggS" + page for page in OGG.split(b"OggS")[1:]]


def of_another(page: bytes) -> bytes:
    """The same page of a stream with another serial number (RFC 3533 §6)."""
    return page[:14] + b"else" + page[18:]


def test_pages_of_other_streams_between_are_passed_over() -> None:
    silent = [of_another(page.replace(b"OpusHead", b"fishead\0")) for page in OGG_PAGES]
    for first, second in ((OGG_PAGES, silent), (silent, OGG_PAGES)):
        mixed = b"".join(itertools.chain.from_iterable(zip(first, second, strict=True)))
        assert packets("ogg", mixed) == packets("ogg", OGG)


def test_of_two_opus_streams_side_by_side_the_first_is_taken() -> None:
    stereo = recording("ogg", "stereo").split(b"OggS")[1:]
    other = [of_another(b"OggS" + page) for page in stereo]
    both = itertools.zip_longest(OGG_PAGES, other, fillvalue=b"")
    mixed = b"".join(itertools.chain.from_iterable(both))
    assert packets("ogg", mixed) == packets("ogg", OGG)


def test_a_stream_that_follows_one_that_ended_goes_on_with_it() -> None:
    other = b"".join(of_another(page) for page in OGG_PAGES)
    assert packets("ogg", OGG + other) == packets("ogg", OGG) * 2


@pytest.mark.parametrize(
    ("kind", "nothing"),
    [
        ("webm", b"\xec\x80"),
        ("webm", b"\x18\x53\x80\x67\xff"),
        ("webm", b"\xa3\x85\x82\0\0\0x"),
        ("ogg", OGG_PAGES[2][:14] + b"else" + OGG_PAGES[2][18:26] + b"\0"),
        ("ogg", OGG_PAGES[2][:26] + b"\xff" + bytes(255)),
    ],
    ids=["empty elements", "segments", "another track", "empty pages", "empty packets"],
)
def test_nothing_does_not_go_on_for_ever(kind: str, nothing: bytes) -> None:
    few, many = MAX_PASSED // 300, MAX_PASSED + 1
    assert packets(kind, recording(kind) + nothing * few) == packets(kind, recording(kind))
    with pytest.raises(BrokenStream):
        packets(kind, recording(kind) + nothing * many)


def test_the_tracks_are_read_once() -> None:
    data = recording("webm")
    start = data.rindex(b"\x16\x54\xae\x6b")  # The seek head names it before.
    assert packets("webm", data + data[start:]) == packets("webm", data) * 2
    assert packets("webm", data + TRACKS) == packets("webm", data)


def test_the_header_tells_the_pre_skip() -> None:
    for kind, make in STREAMS.items():
        stream = make()
        list(stream.feed(recording(kind)))
        assert stream.pre_skip == 312


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
