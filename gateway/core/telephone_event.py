"""Keys in a stream of RTP (telephone-event, RFC 4733 §2): sent many times each, and told once."""

from __future__ import annotations

import struct
from typing import Final

from gateway.core.rtp import RtpPacket, timestamp_delta

KEYS: Final = "0123456789*#ABCD"
"""By event code (RFC 4733 §3.2)."""

_EVENT = struct.Struct("!BBH")

_LATE: Final = 48_000 * 10
"""Ticks; an event further back than this began on another time line."""


class TelephoneEvents:
    """One stream's events.

    An event is known by its timestamp, which all its packets share. A key that is held for so long
    that its duration overflows goes on as another event, where the one before ended (§2.5.1.3).
    """

    def __init__(self) -> None:
        self._ssrc: int | None = None
        self._code = -1
        self._timestamp = self._end = 0

    def take(self, packet: RtpPacket) -> str | None:
        """The key that a packet tells of for the first time; None: none, or no news."""
        if len(packet.payload) < _EVENT.size:
            return None
        code, _, duration = _EVENT.unpack_from(packet.payload)
        if packet.ssrc == self._ssrc:
            step = timestamp_delta(packet.timestamp, self._timestamp)
            if -_LATE < step < 0:
                return None
            goes_on = code == self._code and packet.timestamp == self._end and not packet.marker
            if step == 0 or goes_on:
                self._timestamp = packet.timestamp
                self._end = (packet.timestamp + duration) & 0xFFFF_FFFF
                return None
        self._ssrc, self._code, self._timestamp = packet.ssrc, code, packet.timestamp
        self._end = (packet.timestamp + duration) & 0xFFFF_FFFF
        return KEYS[code] if code < len(KEYS) else None
