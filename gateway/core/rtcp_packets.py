"""RTCP packets as they are on the wire (RFC 3550 §6.4–6.6)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAX_COUNT = 31
"""Report blocks, chunks or sources in one packet: the count has five bits."""

_MAX_TEXT = 255
_SDES_END = 0
_SDES_CNAME = 1

_HEADER = struct.Struct("!BBH")
_SENDER_INFO = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")
_SSRC = struct.Struct("!I")


class RtcpError(ValueError):
    """A datagram that is not well-formed RTCP, or a packet that cannot be written."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says about one source (RFC 3550 §6.4.1).

    :ivar fraction_lost: since the previous report, in 1/256.
    :ivar cumulative_lost: packets since the start; negative when duplicates prevail (24 bits).
    :ivar highest_sequence: the highest sequence number received, its wraps in the upper 16 bits.
    :ivar jitter: in timestamp units.
    :ivar last_sr: the middle 32 bits of the last sender report's NTP time; 0: none came.
    :ivar delay_since_last_sr: in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """The sender's clocks and counts.

    :ivar ntp_time: 64 bits, seconds since 1900 in the upper half.
    :ivar rtp_timestamp: the same instant on the clock of the stream.
    :ivar octet_count: bytes of payload.
    """

    ssrc: int
    ntp_time: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """:ivar cnames: SSRC and CNAME of each chunk ("" without one); other items are skipped."""

    cnames: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Bye:
    sources: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A packet of a type not read here: feedback, application-defined, extended reports."""

    packet_type: int
    count: int
    body: bytes


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Bye | Unknown


# -- reading


def parse_compound(data: bytes) -> list[RtcpPacket]:
    """Read a decrypted datagram: a compound packet, or a reduced-size one (RFC 5506).

    :raises RtcpError: it is empty, not RTCP version 2, or its lengths and counts disagree.
    """
    if not data:
        raise RtcpError("empty RTCP datagram")
    packets: list[RtcpPacket] = []
    offset = 0
    while offset < len(data):
        if offset + _HEADER.size > len(data):
            raise RtcpError("RTCP header cut short")
        flags, packet_type, words = _HEADER.unpack_from(data, offset)
        if flags >> 6 != 2:
            raise RtcpError(f"RTCP version {flags >> 6}")
        start, offset = offset + _HEADER.size, offset + _HEADER.size + 4 * words
        if offset > len(data):
            raise RtcpError("RTCP packet cut short")
        body = data[start:offset]
        if flags & 0x20:
            body = _without_padding(body)
        packets.append(_packet(packet_type, flags & 0x1F, body))
    return packets


def _without_padding(body: bytes) -> bytes:
    if not body or not 0 < body[-1] <= len(body):
        raise RtcpError("RTCP padding exceeds the packet")
    return body[: -body[-1]]


def _packet(packet_type: int, count: int, body: bytes) -> RtcpPacket:
    reader = _READERS.get(packet_type)
    if reader is None:
        return Unknown(packet_type, count, body)
    try:
        return reader(count, body)
    except (struct.error, IndexError):
        raise RtcpError(f"RTCP packet of type {packet_type} is shorter than it says") from None


def _read_sender_report(count: int, body: bytes) -> SenderReport:
    ssrc, ntp_time, rtp_timestamp, packets, octets = _SENDER_INFO.unpack_from(body)
    blocks = _read_blocks(count, body, _SENDER_INFO.size)
    return SenderReport(ssrc, ntp_time, rtp_timestamp, packets, octets, blocks)


def _read_receiver_report(count: int, body: bytes) -> ReceiverReport:
    (ssrc,) = _SSRC.unpack_from(body)
    return ReceiverReport(ssrc, _read_blocks(count, body, _SSRC.size))


def _read_blocks(count: int, body: bytes, start: int) -> tuple[ReportBlock, ...]:
    """``count`` blocks from ``start``; a profile's extension may follow them."""
    blocks = []
    for offset in range(start, start + count * _BLOCK.size, _BLOCK.size):
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, offset)
        lost = loss & 0xFF_FFFF
        signed = lost - (1 << 24) if lost & 0x80_0000 else lost
        blocks.append(ReportBlock(ssrc, loss >> 24, signed, highest, jitter, last_sr, delay))
    return tuple(blocks)


def _read_source_description(count: int, body: bytes) -> SourceDescription:
    cnames = []
    offset = 0
    for _ in range(count):
        (ssrc,) = _SSRC.unpack_from(body, offset)
        offset += _SSRC.size
        cname = ""
        while body[offset] != _SDES_END:
            kind, length = body[offset], body[offset + 1]
            if kind == _SDES_CNAME:
                cname = _text(body, offset + 2, length)
            offset += 2 + length
        offset = (offset // 4 + 1) * 4  # The end mark is padded to the next word.
        cnames.append((ssrc, cname))
    return SourceDescription(tuple(cnames))


def _read_bye(count: int, body: bytes) -> Bye:
    end = count * _SSRC.size
    sources = tuple(_SSRC.unpack_from(body, offset)[0] for offset in range(0, end, _SSRC.size))
    reason = _text(body, end + 1, body[end]) if len(body) > end else ""
    return Bye(sources, reason)


def _text(body: bytes, start: int, length: int) -> str:
    if start + length > len(body):
        raise IndexError
    return body[start : start + length].decode("utf-8", errors="replace")


_READERS: dict[int, Callable[[int, bytes], RtcpPacket]] = {
    200: _read_sender_report,
    201: _read_receiver_report,
    202: _read_source_description,
    203: _read_bye,
}


# -- writing


def serialize_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """The packets as one datagram. RFC 3550 §6.1 wants a report first and an SDES CNAME after it.

    :raises RtcpError: a count, a text or a number exceeds its field.
    """
    try:
        return b"".join(map(_serialize, packets))
    except struct.error as error:
        raise RtcpError(f"RTCP field out of range: {error}") from None


def _serialize(packet: RtcpPacket) -> bytes:
    match packet:
        case SenderReport(ssrc, ntp_time, rtp_timestamp, sent, octets, blocks):
            info = _SENDER_INFO.pack(ssrc, ntp_time, rtp_timestamp, sent, octets)
            return _with_header(200, len(blocks), info + _write_blocks(blocks))
        case ReceiverReport(ssrc, blocks):
            return _with_header(201, len(blocks), _SSRC.pack(ssrc) + _write_blocks(blocks))
        case SourceDescription(cnames):
            return _with_header(202, len(cnames), b"".join(_chunk(*pair) for pair in cnames))
        case Bye(sources, reason):
            text = _counted(reason) if reason else b""
            body = b"".join(map(_SSRC.pack, sources)) + text
            return _with_header(203, len(sources), body + bytes(-len(body) % 4))
        case Unknown(packet_type, count, body):
            return _with_header(packet_type, count, body)


def _with_header(packet_type: int, count: int, body: bytes) -> bytes:
    if count > MAX_COUNT or len(body) % 4:
        raise RtcpError(f"RTCP packet with count {count} and {len(body)} bytes")
    return _HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body


def _write_blocks(blocks: Iterable[ReportBlock]) -> bytes:
    return b"".join(map(_write_block, blocks))


def _write_block(block: ReportBlock) -> bytes:
    if not -(1 << 23) <= block.cumulative_lost < 1 << 23:
        raise RtcpError(f"cumulative loss of {block.cumulative_lost}")
    return _BLOCK.pack(
        block.ssrc,
        block.fraction_lost << 24 | block.cumulative_lost & 0xFF_FFFF,
        block.highest_sequence,
        block.jitter,
        block.last_sr,
        block.delay_since_last_sr,
    )


def _chunk(ssrc: int, cname: str) -> bytes:
    item = bytes([_SDES_CNAME]) + _counted(cname) if cname else b""
    chunk = _SSRC.pack(ssrc) + item
    return chunk + bytes(4 - len(chunk) % 4)


def _counted(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > _MAX_TEXT:
        raise RtcpError(f"RTCP text of {len(encoded)} bytes")
    return bytes([len(encoded)]) + encoded
