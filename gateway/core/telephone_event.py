"""Keys in a stream of RTP (telephone-event, RFC 4733 §2): sent many times each, and told once."""

from __future__ import annotations

import struct
from typing import Final

from gateway.core.rtp import RtpPacket, timestamp_delta

KEYS: Final = "0123456789*#ABCD"
"""By event code (RFC 4733 §3.2)."""

_EVENT = struct.Struct("!BBH")

UPDATE_MS: Final = 20
"""Between two packets of a key."""

PRESS_MS: Final = 160
"""How long a key is held: menus want 40 at least, and some miss less than 100."""

_ENDS: Final = 3
"""Times that the end is told (§2.5.1.4)."""

_END, _VOLUME = 0x80, 10

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


def pressed(key: str, clock_rate: int) -> list[bytes]:
    """The payloads that press a key, :data:`UPDATE_MS` apart: it lasts longer and longer, and then
    has ended, which is told three times. All have the timestamp of its beginning, and the first one
    the marker.

    :param key: of :data:`KEYS`.
    :param clock_rate: Hz of the event's payload type.
    :raises ValueError: not a key.
    """
    code = KEYS.index(key)
    step = clock_rate * UPDATE_MS // 1000
    updates = range(1, PRESS_MS // UPDATE_MS)
    going = [_EVENT.pack(code, _VOLUME, step * n) for n in updates]
    return going + [_EVENT.pack(code, _END | _VOLUME, clock_rate * PRESS_MS // 1000)] * _ENDS
