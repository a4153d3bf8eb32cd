"""RTP headers and RTCP reports of a caller (RFC 3550), no more than a browser's audio has."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import NamedTuple

from aiortc.rtp import (
    RtcpReceiverInfo,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

CLOCK_RATE = 48_000
"""Hz: Opus counts RTP time at 48 kHz whatever it is coded at (RFC 7587 §4.1)."""

PACKET_TICKS = 960

_HEADER = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")
_ONE_BYTE_EXTENSIONS = 0xBEDE
_NTP_EPOCH = 2_208_988_800
_CNAME = 1


@dataclass(slots=True)
class RtpSender:
    """One outgoing stream: what the next packet's header says. `level_id`: the id agreed upon for
    the audio level header extension (RFC 6464); None: not agreed."""

    ssrc: int
    payload_type: int
    sequence: int
    timestamp: int
    level_id: int | None = None
    packets: int = 0
    octets: int = 0

    def packet(self, payload: bytes) -> bytes:
        """The next packet in clear."""
        marker = 0x80 if self.packets == 0 else 0
        first = 0x90 if self.level_id else 0x80
        header = _HEADER.pack(
            first, marker | self.payload_type, self.sequence, self.timestamp, self.ssrc
        )
        if self.level_id:
            # Voice activity and -20 dBov: what speech has; receivers may look, none may rely on it.
            header += _EXTENSION.pack(_ONE_BYTE_EXTENSIONS, 1)
            header += bytes((self.level_id << 4, 0x80 | 20, 0, 0))
        self.advance()
        self.packets += 1
        self.octets += len(payload)
        return header + payload

    def advance(self) -> None:
        """Leave out one packet, as if the network had taken it."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + PACKET_TICKS) & 0xFFFFFFFF

    def report(self, heard_ssrc: int | None, highest_sequence: int) -> bytes:
        """A compound RTCP packet: sender report, reception of `heard_ssrc` without loss, CNAME."""
        seconds = time.time() + _NTP_EPOCH
        info = RtcpSenderInfo(
            ntp_timestamp=int(seconds * 2**32) & (2**64 - 1),
            rtp_timestamp=self.timestamp,
            packet_count=self.packets,
            octet_count=self.octets,
        )
        reports = []
        if heard_ssrc is not None:
            reports.append(RtcpReceiverInfo(heard_ssrc, 0, 0, highest_sequence, 0, 0, 0))
        sdes = RtcpSdesPacket([RtcpSourceInfo(self.ssrc, [(_CNAME, b"bench")])])
        return bytes(RtcpSrPacket(self.ssrc, info, reports)) + bytes(sdes)


class RtpHeader(NamedTuple):
    sequence: int
    timestamp: int
    ssrc: int
    payload_at: int
    """Where the payload starts, in bytes."""


def parse_header(packet: bytes) -> RtpHeader:
    """The header of a packet in clear, of a sender that is not hostile: nothing is validated.

    Raises `struct.error` if it is cut short.
    """
    first, _, sequence, timestamp, ssrc = _HEADER.unpack_from(packet)
    payload_at = 12 + 4 * (first & 0x0F)
    if first & 0x10:
        _, words = _EXTENSION.unpack_from(packet, payload_at)
        payload_at += 4 + 4 * words
    return RtpHeader(sequence, timestamp, ssrc, payload_at)


def is_rtcp(datagram: bytes) -> bool:
    """RFC 5761 §4: told by the packet type."""
    return len(datagram) > 1 and 192 <= datagram[1] <= 223
