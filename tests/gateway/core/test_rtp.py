import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.rtp import (
    RtpError,
    RtpPacket,
    is_rtcp,
    opus_duration,
    sequence_delta,
    timestamp_delta,
)

HEADER = bytes.fromhex("806f 1234 89abcdef deadbeef")
"""Version 2, payload type 111."""


def with_flags(flags: int) -> bytes:
    return bytes([flags]) + HEADER[1:]


class TestParsing:
    def test_plain_packet(self) -> None:
        packet = RtpPacket.parse(HEADER + b"opus")
        assert packet == RtpPacket(
            payload_type=111,
            marker=False,
            sequence=0x1234,
            timestamp=0x89ABCDEF,
            ssrc=0xDEADBEEF,
            payload=b"opus",
        )

    def test_marker(self) -> None:
        packet = RtpPacket.parse(b"\x80\xef" + HEADER[2:])
        assert (packet.marker, packet.payload_type) == (True, 111)

    @pytest.mark.parametrize(
        ("data", "payload"),
        [
            (HEADER, b""),
            (with_flags(0x82) + bytes(8) + b"x", b"x"),
            (with_flags(0x90) + bytes.fromhex("bede 0001 10ff0000") + b"x", b"x"),
            (with_flags(0x90) + bytes.fromhex("1000 0000") + b"x", b"x"),
            (with_flags(0x91) + bytes(4) + bytes.fromhex("bede 0001 10ff0000") + b"x", b"x"),
            (with_flags(0xA0) + b"x\x00\x00\x03", b"x"),
            (with_flags(0xA0) + b"\x01", b""),
            (with_flags(0xA0) + bytes(254) + b"\xff", b""),
            (with_flags(0xB1) + bytes(4) + bytes.fromhex("bede 0000") + b"x\x01", b"x"),
        ],
        ids=[
            "empty",
            "two CSRCs",
            "one-byte extension",
            "empty two-byte extension",
            "CSRC and extension",
            "padding",
            "padding only",
            "padding of 255",
            "everything",
        ],
    )
    def test_payload_is_what_header_and_padding_leave(self, data: bytes, payload: bytes) -> None:
        assert RtpPacket.parse(data).payload == payload

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            HEADER[:11],
            with_flags(0x00),
            with_flags(0x40),
            with_flags(0xC0),
            with_flags(0x81),
            with_flags(0x8F) + bytes(59),
            with_flags(0x90),
            with_flags(0x90) + b"\xbe\xde\x00",
            with_flags(0x90) + b"\xbe\xde\x00\x01\x00\x00\x00",
            with_flags(0x90) + b"\xbe\xde\xff\xff",
            with_flags(0xA0),
            with_flags(0xA0) + b"\x00",
            with_flags(0xA0) + b"x\x03",
            with_flags(0xA1) + bytes(3) + b"\x01",
        ],
    )
    def test_refuses_what_contradicts_itself(self, data: bytes) -> None:
        with pytest.raises(RtpError):
            RtpPacket.parse(data)

    @settings(deadline=None)
    @given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda b: b"\xb0" + b))
    def test_any_datagram_is_read_or_refused(self, data: bytes) -> None:
        try:
            packet = RtpPacket.parse(data)
        except RtpError:
            return
        assert data[12:].count(packet.payload)
        assert RtpPacket.parse(packet.serialize()) == packet


PACKETS = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=32),
)


class TestSerializing:
    @settings(deadline=None)
    @given(PACKETS)
    def test_what_is_written_is_read_back(self, packet: RtpPacket) -> None:
        data = packet.serialize()
        assert RtpPacket.parse(data) == packet
        assert len(data) == 12 + len(packet.payload)

    def test_bytes(self) -> None:
        packet = RtpPacket(111, False, 0x1234, 0x89ABCDEF, 0xDEADBEEF, b"opus")
        assert packet.serialize() == HEADER + b"opus"

    @pytest.mark.parametrize(
        "packet",
        [
            RtpPacket(128, False, 0, 0, 0, b""),
            RtpPacket(-1, False, 0, 0, 0, b""),
            RtpPacket(0, False, 0x10000, 0, 0, b""),
            RtpPacket(0, False, 0, 1 << 32, 0, b""),
            RtpPacket(0, False, 0, -1, 0, b""),
            RtpPacket(0, False, 0, 0, 1 << 32, b""),
        ],
    )
    def test_refuses_fields_out_of_range(self, packet: RtpPacket) -> None:
        with pytest.raises(RtpError):
            packet.serialize()


class TestDeltas:
    @pytest.mark.parametrize(
        ("a", "b", "delta"),
        [(5, 3, 2), (3, 5, -2), (7, 7, 0), (0, 0xFFFF, 1), (0xFFFF, 0, -1), (2, 0xFFF0, 18)],
    )
    def test_sequence(self, a: int, b: int, delta: int) -> None:
        assert sequence_delta(a, b) == delta

    @settings(deadline=None)
    @given(st.integers(0, 0xFFFF), st.integers(-0x7FFF, 0x7FFF))
    def test_sequence_undoes_addition(self, start: int, step: int) -> None:
        assert sequence_delta((start + step) & 0xFFFF, start) == step

    @settings(deadline=None)
    @given(st.integers(0, 0xFFFFFFFF), st.integers(-0x7FFFFFFF, 0x7FFFFFFF))
    def test_timestamp_undoes_addition(self, start: int, step: int) -> None:
        assert timestamp_delta((start + step) & 0xFFFFFFFF, start) == step


class TestIsRtcp:
    @pytest.mark.parametrize("packet_type", [192, 200, 201, 202, 203, 204, 205, 206, 207, 223])
    def test_rtcp(self, packet_type: int) -> None:
        assert is_rtcp(struct.pack("!BBH", 0x81, packet_type, 0))

    @pytest.mark.parametrize("payload_type", [0, 8, 63, 96, 111, 127])
    def test_rtp_with_and_without_marker(self, payload_type: int) -> None:
        assert not is_rtcp(bytes([0x80, payload_type]))
        assert not is_rtcp(bytes([0x80, payload_type | 0x80]))

    def test_too_short_to_tell(self) -> None:
        assert not is_rtcp(b"")
        assert not is_rtcp(b"\x80")


class TestOpusDuration:
    """RFC 6716 §3.1, table 2: milliseconds of the frames of each configuration."""

    FRAME_MS = [10, 20, 40, 60] * 3 + [10, 20] * 2 + [2.5, 5, 10, 20] * 4

    @pytest.mark.parametrize(("config", "ms"), list(enumerate(FRAME_MS)))
    def test_frame_of_each_configuration(self, config: int, ms: float) -> None:
        assert opus_duration(bytes([config << 3, 0])) == ms * 48
        assert opus_duration(bytes([config << 3 | 4, 0])) == ms * 48  # Stereo is as long.

    @pytest.mark.parametrize(
        ("payload", "samples"),
        [
            (b"\x08", 960),  # One frame of 20 ms, without a byte.
            (b"\x09ab", 1920),  # Two of equal size.
            (b"\x0a\x01ab", 1920),  # Two of different sizes.
            (b"\x0b\x03", 2880),  # Three.
            (b"\x0b\xc6", 5760),  # Six, with padding and of varying size.
            (b"\xe3\x30", 5760),  # 48 of 2.5 ms.
            (b"", 0),
            (b"\x0b", 0),  # The count is missing,
            (b"\x0b\x00", 0),  # or nought,
            (b"\x0b\x07", 0),  # or makes more than 120 ms.
            (b"\xe3\x31", 0),
        ],
    )
    def test_frame_counts(self, payload: bytes, samples: int) -> None:
        assert opus_duration(payload) == samples

    @settings(deadline=None)
    @given(st.binary(max_size=8))
    def test_is_possible_whatever_comes(self, payload: bytes) -> None:
        samples = opus_duration(payload)
        assert samples == 0 or 120 <= samples <= 5760
