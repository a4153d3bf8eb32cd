import struct

import pytest
from aiortc.rtp import RtcpPacket, RtcpSdesPacket, RtcpSrPacket, RtpPacket

from client.python.bench.rtp import PACKET_TICKS, RtpSender, is_rtcp, parse_header


def sender(level_id: int | None = None) -> RtpSender:
    return RtpSender(
        ssrc=7, payload_type=111, sequence=0xFFFF, timestamp=2**32 - 960, level_id=level_id
    )


def test_packets_count_on_and_wrap() -> None:
    rtp = sender()
    first, second = (RtpPacket.parse(rtp.packet(b"opus")) for _ in range(2))
    assert (first.sequence_number, first.timestamp, first.marker) == (0xFFFF, 2**32 - 960, 1)
    assert (second.sequence_number, second.timestamp, second.marker) == (0, 0, 0)
    assert (second.ssrc, second.payload_type, second.payload) == (7, 111, b"opus")


def test_a_lost_packet_leaves_a_gap() -> None:
    rtp = sender()
    rtp.packet(b"x")
    rtp.advance()
    after = RtpPacket.parse(rtp.packet(b"x"))
    assert (after.sequence_number, after.timestamp) == (1, PACKET_TICKS)


@pytest.mark.parametrize("level_id", [None, 3])
def test_the_header_is_read_back(level_id: int | None) -> None:
    packet = sender(level_id).packet(b"opus")
    header = parse_header(packet)
    assert (header.sequence, header.timestamp, header.ssrc) == (0xFFFF, 2**32 - 960, 7)
    assert packet[header.payload_at :] == b"opus"


def test_a_header_cut_short_is_an_error() -> None:
    with pytest.raises(struct.error):
        parse_header(b"\x80\x6f\x00")


def test_a_report_tells_what_was_sent_and_heard() -> None:
    rtp = sender()
    rtp.packet(b"12345")
    report = rtp.report(heard_ssrc=99, highest_sequence=1234)
    assert is_rtcp(report)
    assert not is_rtcp(rtp.packet(b"x"))
    sr, sdes = RtcpPacket.parse(report)
    assert isinstance(sr, RtcpSrPacket)
    assert isinstance(sdes, RtcpSdesPacket)
    assert (sr.sender_info.packet_count, sr.sender_info.octet_count) == (1, 5)
    assert [(r.ssrc, r.highest_sequence) for r in sr.reports] == [(99, 1234)]


def test_before_anything_was_heard_nothing_is_reported_of_it() -> None:
    (sr, _) = RtcpPacket.parse(sender().report(None, 0))
    assert isinstance(sr, RtcpSrPacket)
    assert sr.reports == []
