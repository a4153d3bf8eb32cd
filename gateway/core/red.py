"""RED (RFC 2198): RTP packets that carry copies of the audio before them.

A copy is the very payload that its own packet had, so a single loss is mended whole as soon as the
next packet is there. The format names a copy by its age alone, not by the sequence number it was
sent under. Audio senders put every packet they sent into the next ones, newest last, so the *k*-th
copy from the end belongs to the *k*-th sequence number back; where a sender left one out, the age
disagrees with the time line, and :class:`~gateway.core.jitter.ReceiveWindow` refuses it.
"""

from __future__ import annotations

from typing import Final

from gateway.core.rtp import RtpError, RtpPacket

MAX_COPIES: Final = 16
"""More than any sender makes (browsers: at most nine); the age of a copy ends at 2^14 samples."""

_FOLLOWED: Final = 0x80
_PAYLOAD_TYPE: Final = 0x7F
_COPY_HEADER_BYTES: Final = 4
_LENGTH_BITS: Final = 10


def unpack(packet: RtpPacket, payload_type: int) -> tuple[RtpPacket, list[RtpPacket]]:
    """Take a RED packet apart, into packets as if each had come by itself.

    :param payload_type: of the codec; a block of another type is no audio of this stream.
    :return: the packet, empty if its newest block is no audio; and its copies of packets before
        it, newest first, with the sequence numbers and timestamps that those had.
    :raises RtpError: its headers are cut short, too many, or claim more than there is.
    """
    data = packet.payload
    if not data:
        return packet, []
    headers: list[tuple[int, int, int]] = []
    at = 0
    while data[at] & _FOLLOWED:
        word = int.from_bytes(data[at + 1 : at + _COPY_HEADER_BYTES], "big")
        headers.append((data[at], word >> _LENGTH_BITS, word & ((1 << _LENGTH_BITS) - 1)))
        at += _COPY_HEADER_BYTES
        if at >= len(data) or len(headers) > MAX_COPIES:
            raise RtpError("RED headers without an end")
    newest_type = data[at]
    at += 1
    copies: list[RtpPacket] = []
    for back, (block_type, age, length) in zip(range(len(headers), 0, -1), headers, strict=True):
        if block_type & _PAYLOAD_TYPE == payload_type and length and age:
            copies.append(
                RtpPacket(
                    payload_type=payload_type,
                    marker=False,
                    sequence=(packet.sequence - back) & 0xFFFF,
                    timestamp=(packet.timestamp - age) & 0xFFFF_FFFF,
                    ssrc=packet.ssrc,
                    payload=data[at : at + length],
                )
            )
        at += length
    if at > len(data):
        raise RtpError("RED blocks exceed the packet")
    payload = data[at:] if newest_type == payload_type else b""
    copies.reverse()
    return packet._replace(payload_type=payload_type, payload=payload), copies
