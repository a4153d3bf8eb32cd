"""RTP packets (RFC 3550 §5.1) and the arithmetic on their wrapping counters."""

from __future__ import annotations

import struct
from typing import NamedTuple

_FIXED_HEADER = struct.Struct("!BBHII")
_EXTENSION_HEADER_BYTES = 4

_VERSION = 0x80
_VERSION_MASK = 0xC0
_PADDING = 0x20
_EXTENSION = 0x10
_CSRC_COUNT = 0x0F
_MARKER = 0x80
_PAYLOAD_TYPE = 0x7F


class RtpError(ValueError):
    """A datagram that is not a well-formed RTP packet, or a packet that cannot be written."""


class RtpPacket(NamedTuple):
    """One RTP packet. CSRCs and header extensions are skipped when read and never written.

    A tuple, since a hundred are made in each second of each call.

    :ivar payload_type: 0–127.
    :ivar sequence: 16 bits, wraps.
    :ivar timestamp: 32 bits, wraps; in units of the payload's clock rate (Opus: always 48 kHz).
    :ivar ssrc: 32 bits.
    :ivar payload: may be empty (bandwidth probes are all padding).
    """

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Read a decrypted datagram.

        :raises RtpError: it is not RTP version 2, or shorter than its header, extension and padding
            claim.
        """
        end = len(data)
        if end < _FIXED_HEADER.size:
            raise RtpError(f"RTP packet of {end} bytes")
        flags, marked_type, sequence, timestamp, ssrc = _FIXED_HEADER.unpack_from(data)
        if flags & _VERSION_MASK != _VERSION:
            raise RtpError(f"RTP version {flags >> 6}")
        start = _FIXED_HEADER.size + 4 * (flags & _CSRC_COUNT)
        if flags & _EXTENSION:
            start = _after_extension(data, start)
        if flags & _PADDING:
            end -= _padding(data)
        if start > end:
            raise RtpError("RTP header and padding exceed the packet")
        return cls(
            marked_type & _PAYLOAD_TYPE,
            marked_type >= _MARKER,
            sequence,
            timestamp,
            ssrc,
            data[start:end],
        )

    def serialize(self) -> bytes:
        """The packet as bytes.

        :raises RtpError: a field exceeds its bits; counters must be wrapped by their owner.
        """
        if not 0 <= self.payload_type <= _PAYLOAD_TYPE:
            raise RtpError(f"payload type {self.payload_type}")
        marked_type = self.payload_type | (_MARKER if self.marker else 0)
        try:
            header = _FIXED_HEADER.pack(
                _VERSION, marked_type, self.sequence, self.timestamp, self.ssrc
            )
        except struct.error as error:
            raise RtpError(f"RTP field out of range: {error}") from None
        return header + self.payload


def _after_extension(data: bytes, start: int) -> int:
    """Where the header extension that begins at ``start`` ends (RFC 8285; it is skipped whole)."""
    if start + _EXTENSION_HEADER_BYTES > len(data):
        raise RtpError("RTP header extension cut short")
    words = (data[start + 2] << 8) | data[start + 3]
    return start + _EXTENSION_HEADER_BYTES + 4 * words


def _padding(data: bytes) -> int:
    """Bytes of padding; the last one counts itself."""
    if data[-1] == 0:
        raise RtpError("RTP padding of 0 bytes")
    return data[-1]


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram of an RTP session with ``a=rtcp-mux`` is RTCP (RFC 5761 §4).

    Expects what RFC 7983 sorted out as RTP or RTCP; works before SRTP is taken off.
    """
    return len(data) > 1 and 192 <= data[1] <= 223


def sequence_delta(a: int, b: int) -> int:
    """``a - b`` for 16-bit sequence numbers: positive when ``a`` is newer (RFC 1982)."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def timestamp_delta(a: int, b: int) -> int:
    """``a - b`` for 32-bit RTP timestamps: positive when ``a`` is later."""
    return ((a - b + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


# Opus: samples at 48 kHz in one frame of each TOC configuration (RFC 6716 §3.1, table 2).
_OPUS_SILK = (480, 960, 1920, 2880)
_OPUS_HYBRID = (480, 960)
_OPUS_CELT = (120, 240, 480, 960)
_OPUS_FRAME_SAMPLES = _OPUS_SILK * 3 + _OPUS_HYBRID * 2 + _OPUS_CELT * 4
_OPUS_MAX_SAMPLES = 5760


def opus_duration(payload: bytes) -> int:
    """Samples at 48 kHz that an Opus packet holds, by its TOC (RFC 6716 §3.1–3.2).

    :return: 120–5760 (2.5–120 ms); 0 when the packet is empty or its frame count is impossible.
    """
    if not payload:
        return 0
    samples = _OPUS_FRAME_SAMPLES[payload[0] >> 3] * _opus_frames(payload)
    return samples if samples <= _OPUS_MAX_SAMPLES else 0


def _opus_frames(payload: bytes) -> int:
    code = payload[0] & 0x03
    if code == 0:
        return 1
    if code != 3:
        return 2
    return payload[1] & 0x3F if len(payload) > 1 else 0
