import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.rtcp_packets import (
    Bye,
    ReceiverReport,
    ReportBlock,
    RtcpError,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    Unknown,
    parse_compound,
    serialize_compound,
)

BLOCK = ReportBlock(
    ssrc=0x01020304,
    fraction_lost=64,
    cumulative_lost=-2,
    highest_sequence=0x0001_FFFF,
    jitter=480,
    last_sr=0xAABBCCDD,
    delay_since_last_sr=65_536,
)
BLOCK_BYTES = bytes.fromhex("01020304 40fffffe 0001ffff 000001e0 aabbccdd 00010000")


class TestWire:
    """Each packet, and the bytes that RFC 3550 §6.4–6.6 draws for it."""

    @pytest.mark.parametrize(
        ("packet", "data"),
        [
            (ReceiverReport(5), bytes.fromhex("80c90001 00000005")),
            (ReceiverReport(5, (BLOCK,)), bytes.fromhex("81c90007 00000005") + BLOCK_BYTES),
            (
                SenderReport(5, 0x0102030405060708, 9, 10, 11, (BLOCK,)),
                bytes.fromhex("81c8000c 00000005 0102030405060708 00000009 0000000a 0000000b")
                + BLOCK_BYTES,
            ),
            (
                SourceDescription(((5, "ab"),)),
                bytes.fromhex("81ca0003 00000005 01026162 00000000"),
            ),
            (
                SourceDescription(((5, "abc"), (6, ""))),
                bytes.fromhex("82ca0005 00000005 01036162 63000000 00000006 00000000"),
            ),
            (Bye((5, 6)), bytes.fromhex("82cb0002 00000005 00000006")),
            (Bye((5,), "bye"), bytes.fromhex("81cb0002 00000005 03627965")),
            (Unknown(206, 1, b"\0\0\0\5"), bytes.fromhex("81ce0001 00000005")),
        ],
    )
    def test_both_ways(self, packet: RtcpPacket, data: bytes) -> None:
        assert serialize_compound([packet]) == data
        assert parse_compound(data) == [packet]

    def test_compound(self) -> None:
        packets: list[RtcpPacket] = [
            ReceiverReport(5),
            SourceDescription(((5, "cname"),)),
            Bye((5,)),
        ]
        assert parse_compound(serialize_compound(packets)) == packets

    def test_padding_is_dropped(self) -> None:
        data = bytes.fromhex("80c90001 00000005 a0c90002 00000006 00000004")
        assert parse_compound(data) == [ReceiverReport(5), ReceiverReport(6)]

    def test_extension_of_a_profile_is_skipped(self) -> None:
        data = bytes.fromhex("80c90002 00000005 ffffffff")
        assert parse_compound(data) == [ReceiverReport(5)]

    def test_other_items_of_a_source_are_skipped(self) -> None:
        data = bytes.fromhex("81ca0004 00000005 02016e01 02616206 0178 0000")
        assert parse_compound(data) == [SourceDescription(((5, "ab"),))]


class TestRefusing:
    @pytest.mark.parametrize(
        "data",
        [
            "",
            "80c9",
            "80c90001",
            "80c90001 000000",
            "00c90001 00000005",
            "40c90001 00000005",
            "80c90000",
            "81c90001 00000005",
            "81c90006 00000005" + "00" * 20,
            "80c80005 00000005" + "00" * 16,
            "80c90001 00000005 80",
            "a0c90000",
            "a0c90001 00000000",
            "a0c90001 00000005",
            "81ca0000",
            "81ca0001 00000005",
            "81ca0002 00000005 01ff6162",
            "81ca0002 00000005 01026162",
            "82cb0001 00000005",
            "81ce0002 00000005",
            "81cb0002 00000005 04627965",
        ],
    )
    def test_what_contradicts_itself(self, data: str) -> None:
        with pytest.raises(RtcpError):
            parse_compound(bytes.fromhex(data))

    @pytest.mark.parametrize(
        "packet",
        [
            ReceiverReport(5, (BLOCK,) * 32),
            ReceiverReport(1 << 32),
            ReceiverReport(5, (ReportBlock(1, 0, 1 << 23, 0, 0, 0, 0),)),
            ReceiverReport(5, (ReportBlock(1, 256, 0, 0, 0, 0, 0),)),
            SenderReport(5, 1 << 64, 0, 0, 0),
            SourceDescription(((5, "x" * 256),)),
            Bye((1,), "x" * 256),
            Unknown(206, 0, b"odd"),
        ],
    )
    def test_what_does_not_fit(self, packet: RtcpPacket) -> None:
        with pytest.raises(RtcpError):
            serialize_compound([packet])


_WORDS = st.integers(0, 0xFFFFFFFF)
_BLOCKS = st.lists(
    st.builds(
        ReportBlock,
        ssrc=_WORDS,
        fraction_lost=st.integers(0, 255),
        cumulative_lost=st.integers(-(1 << 23), (1 << 23) - 1),
        highest_sequence=_WORDS,
        jitter=_WORDS,
        last_sr=_WORDS,
        delay_since_last_sr=_WORDS,
    ),
    max_size=3,
).map(tuple)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
_PACKETS = st.one_of(
    st.builds(SenderReport, _WORDS, st.integers(0, (1 << 64) - 1), _WORDS, _WORDS, _WORDS, _BLOCKS),
    st.builds(ReceiverReport, _WORDS, _BLOCKS),
    st.builds(SourceDescription, st.lists(st.tuples(_WORDS, _TEXTS), max_size=3).map(tuple)),
    st.builds(Bye, st.lists(_WORDS, max_size=3).map(tuple), _TEXTS),
    st.builds(
        Unknown,
        st.integers(204, 255),
        st.integers(0, 31),
        st.integers(0, 5).map(lambda words: bytes(4 * words)),
    ),
)


@settings(deadline=None)
@given(st.lists(_PACKETS, min_size=1, max_size=4))
def test_what_is_written_is_read_back(packets: list[RtcpPacket]) -> None:
    assert parse_compound(serialize_compound(packets)) == packets


@settings(deadline=None)
@given(
    st.lists(_PACKETS, min_size=1, max_size=3).map(serialize_compound),
    st.data(),
)
def test_spoiled_datagrams_are_read_or_refused(data: bytes, draw: st.DataObject) -> None:
    spoiled = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        spoiled[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    for datagram in (bytes(spoiled), bytes(spoiled[:cut])):
        try:
            packets = parse_compound(datagram)
        except RtcpError:
            continue
        assert packets
