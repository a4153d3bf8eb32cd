"""Keys by RFC 4733: told once each, however often they are sent."""

import struct

import pytest

from gateway.core.rtp import RtpPacket
from gateway.core.telephone_event import KEYS, TelephoneEvents


def packet(
    code: int,
    timestamp: int,
    duration: int = 160,
    *,
    end: bool = False,
    marker: bool = False,
    ssrc: int = 1,
) -> RtpPacket:
    payload = struct.pack("!BBH", code, 0x80 * end + 10, duration)
    return RtpPacket(101, marker, 0, timestamp & 0xFFFF_FFFF, ssrc, payload)


def press(code: int, timestamp: int, ssrc: int = 1) -> list[RtpPacket]:
    """A key as phones send it: on, longer and longer, and its end three times."""
    on = [packet(code, timestamp, 160 * n, marker=n == 1, ssrc=ssrc) for n in range(1, 5)]
    return on + [packet(code, timestamp, 800, end=True, ssrc=ssrc)] * 3


def told(packets: list[RtpPacket]) -> str:
    events = TelephoneEvents()
    return "".join(filter(None, map(events.take, packets)))


def test_each_key_is_told_once() -> None:
    packets = [p for code in range(16) for p in press(code, 0xFFFF_F000 + 1600 * code)]
    assert told(packets) == KEYS


def test_the_same_key_twice_is_two_keys() -> None:
    assert told(press(5, 1000) + press(5, 3000)) == "55"
    assert told(press(5, 1000) + press(5, 1800)) == "55", "also without a pause"


@pytest.mark.parametrize("lost", range(7))
def test_one_packet_of_seven_is_enough(lost: int) -> None:
    packets = press(7, 1000)
    assert told(packets[lost : lost + 1]) == "7"


def test_a_late_packet_of_the_key_before_is_no_news() -> None:
    first, second = press(1, 1000), press(2, 3000)
    assert told([*first[:-1], *second, first[-1], second[-1]]) == "12"


def test_a_key_held_for_long_goes_on_in_segments() -> None:
    held = [
        packet(9, 1000, 0xFFFF, marker=True),
        packet(9, 1000 + 0xFFFF, 160),
        packet(9, 1000 + 0xFFFF, 800, end=True),
    ]
    assert told(held) == "9"


def test_another_source_begins_anew() -> None:
    assert told(press(3, 90_000) + press(3, 80_000, ssrc=2)) == "33"


def test_what_is_no_key_is_not_told() -> None:
    flash = packet(16, 1000)
    short = packet(1, 2000)._replace(payload=b"\1")
    assert told([flash, short]) == ""
