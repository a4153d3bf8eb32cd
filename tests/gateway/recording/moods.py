"""What a call goes through, and the networks of it."""

from __future__ import annotations

from enum import Enum

from tests.net import VirtualNetwork

DELAY = 0.03
"""Seconds that most packets take."""


class Mood(Enum):
    """What the network and the people are like in one cycle."""

    CLICKS = "clean, and each side clicks"
    TALK = "clean, a question and an answer"
    LOSSY = "lossy, a question and an answer"
    BURSTY = "lossy in bursts, barge-in"
    LATE = "late and reordered, and the model is late as well"
    STALLED = "held up for half a second and then all at once"
    HELD = "clean, the caller holds the call"


def networks() -> dict[Mood, VirtualNetwork[bytes]]:
    """The way of the caller's packets in each mood."""
    clean: VirtualNetwork[bytes] = VirtualNetwork(1, delay_ms=1000 * DELAY)
    return dict.fromkeys(Mood, clean) | {
        Mood.LOSSY: VirtualNetwork(2, delay_ms=1000 * DELAY, loss=0.05, duplicate=0.02),
        Mood.BURSTY: VirtualNetwork(3, delay_ms=1000 * DELAY, loss=0.1, burst=6),
        Mood.LATE: VirtualNetwork(4, delay_ms=1000 * DELAY, reorder=0.2, reorder_ms=90),
    }
