"""A caller's packets, and how to serve a receive window, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.jitter import Action, Play, ReceiveWindow, Recover
from gateway.core.rtp import RtpPacket

CLOCK = 48_000
FRAME = 960
"""Samples of a 20 ms packet."""
FRAME_TIME = FRAME / CLOCK
REORDERING_FLOOR = 0.020
REORDERING_CEILING = 0.060


def duration_of(payload: bytes) -> int:
    """The codec of these tests: two bytes of duration, then the packet's number."""
    return int.from_bytes(payload[:2], "big")


def number_of(payload: bytes) -> int:
    return int.from_bytes(payload[2:], "big")


def packet(
    number: int,
    *,
    timestamp: int | None = None,
    sequence: int | None = None,
    samples: int = FRAME,
    ssrc: int = 1,
) -> RtpPacket:
    """Packet ``number`` of a stream of 20 ms packets, unless said otherwise."""
    return RtpPacket(
        payload_type=111,
        marker=False,
        sequence=(number if sequence is None else sequence) & 0xFFFF,
        timestamp=(number * FRAME if timestamp is None else timestamp) & 0xFFFFFFFF,
        ssrc=ssrc,
        payload=samples.to_bytes(2, "big") + number.to_bytes(4, "big"),
    )


def empty(number: int) -> RtpPacket:
    return RtpPacket(111, False, number & 0xFFFF, number * FRAME, 1, b"")


def red(newest: RtpPacket, *earlier: RtpPacket, payload_type: int = 63) -> RtpPacket:
    """``newest`` as RED (RFC 2198), with copies of packets sent before it, the oldest first."""
    headers = b"".join(
        bytes([0x80 | copy.payload_type])
        + (((newest.timestamp - copy.timestamp) % 2**32) << 10 | len(copy.payload)).to_bytes(3)
        for copy in earlier
    )
    blocks = b"".join(copy.payload for copy in earlier) + newest.payload
    payload = headers + bytes([newest.payload_type]) + blocks
    return newest._replace(payload_type=payload_type, payload=payload)


def play(number: int, samples: int = FRAME) -> Play:
    return Play(packet(number, samples=samples).payload, samples)


def recover(following: int, samples: int = FRAME) -> Recover:
    return Recover(packet(following).payload, samples)


def drain(window: ReceiveWindow, now: float) -> list[Action]:
    return list(iter(lambda: window.pop(now), None))


def run_until(window: ReceiveWindow, until: float) -> Iterator[tuple[float, Action]]:
    """Serve the window's deadlines up to ``until``."""
    while (deadline := window.deadline) is not None and deadline <= until:
        for action in drain(window, deadline):
            yield deadline, action


def feed(window: ReceiveWindow, *numbers: int, start: float = 0.0) -> list[Action]:
    """Push packets, each at the time it was sent, without serving deadlines."""
    actions: list[Action] = []
    for number in numbers:
        now = start + number * FRAME_TIME
        window.push(packet(number), now)
        actions += drain(window, now)
    return actions
