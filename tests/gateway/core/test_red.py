"""RED: what a packet carries, and that nothing a sender writes can do harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.red import MAX_COPIES, unpack
from gateway.core.rtp import RtpError, RtpPacket
from tests.gateway.core.talk import FRAME, packet, red

OPUS = 111


def raw(payload: bytes) -> RtpPacket:
    return packet(7)._replace(payload_type=63, payload=payload)


def test_the_newest_block_is_the_packet_itself() -> None:
    assert unpack(red(packet(7)), OPUS) == (packet(7), [])


def test_copies_get_back_the_places_they_had() -> None:
    whole = red(packet(7)._replace(marker=True), packet(4), packet(5), packet(6))
    newest, copies = unpack(whole, OPUS)
    assert newest == packet(7)._replace(marker=True)
    assert copies == [packet(6), packet(5), packet(4)]


def test_counters_wrap() -> None:
    newest = packet(8, sequence=0, timestamp=100)
    copy = packet(7, sequence=65_535, timestamp=100 - FRAME)
    assert unpack(red(newest, copy), OPUS) == (newest, [copy])


def test_a_copy_before_a_pause_keeps_its_time() -> None:
    newest, before = packet(7, timestamp=9_000), packet(6, timestamp=2_000)
    assert unpack(red(newest, before), OPUS)[1] == [before]


def test_blocks_of_another_payload_type_are_no_audio() -> None:
    noise = packet(6)._replace(payload_type=13)
    assert unpack(red(packet(7), packet(5), noise), OPUS)[1] == [packet(5)]
    event = packet(7)._replace(payload_type=101)
    newest, copies = unpack(red(event, packet(6)), OPUS)
    assert (newest, copies) == (packet(7)._replace(payload=b""), [packet(6)])


def test_an_empty_copy_and_one_of_no_age_are_left_out() -> None:
    empty = packet(5)._replace(payload=b"")
    twin = packet(6, timestamp=7 * FRAME)
    assert unpack(red(packet(7), empty, twin), OPUS) == (packet(7), [])


def test_a_packet_that_is_all_padding_stays_empty() -> None:
    assert unpack(raw(b""), OPUS) == (raw(b""), [])


@pytest.mark.parametrize(
    "payload",
    [
        bytes([0x80 | OPUS]),
        bytes([0x80 | OPUS, 0, 0]),
        bytes([0x80 | OPUS, 0x0F, 0x00, 0x02]),
        bytes([0x80 | OPUS, 0x0F, 0x00, 0x02, OPUS, 1]),
        bytes([0x80 | OPUS, 0x0F, 0x00, 0x00]) * (MAX_COPIES + 1) + bytes([OPUS]),
    ],
    ids=["header cut", "header cut later", "no last header", "block cut", "too many"],
)
def test_what_is_cut_short_is_refused(payload: bytes) -> None:
    with pytest.raises(RtpError, match="RED"):
        unpack(raw(payload), OPUS)


@given(
    st.binary(max_size=80)
    | st.lists(st.sampled_from([b"\xef", b"\x6f", b"\x0f\0\4"])).map(b"".join)
)
def test_any_payload_is_read_or_refused(payload: bytes) -> None:
    try:
        newest, copies = unpack(raw(payload), OPUS)
    except RtpError:
        return
    assert len(copies) <= MAX_COPIES
    assert len(newest.payload) + sum(len(copy.payload) for copy in copies) <= len(payload)
    assert newest.sequence == 7


@given(st.lists(st.integers(1, 300), max_size=MAX_COPIES), st.integers(0, 0xFFFF))
def test_what_was_packed_is_unpacked(sizes: list[int], sequence: int) -> None:
    packets = [
        packet(n, sequence=sequence + n)._replace(payload=bytes([n]) * size)
        for n, size in enumerate([*sizes, 5])
    ]
    newest, copies = unpack(red(packets[-1], *packets[:-1]), OPUS)
    assert [*reversed(copies), newest] == packets
