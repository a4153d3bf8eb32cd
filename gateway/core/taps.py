"""Where a call's sound can be listened to on its way. Called on the event loop; must
return at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

Tap = TypeVar("Tap")


def without(taps: Iterable[Tap], gone: object) -> tuple[Tap, ...]:
    """The taps that stay; a tap may go in the middle of being told."""
    return tuple(tap for tap in taps if tap is not gone)


class HeardTap(Protocol):
    """Takes what the model is given of the caller, by whatever way it came."""

    def on_heard(self, pcm: bytes, now: float) -> None:
        """PCM16 mono, 24 kHz, in order. While the caller is muted nothing comes."""


class PlayedTap(Protocol):
    """Takes what a leg is given of the agent."""

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        """A part of a frame, PCM16 mono, 24 kHz, in order.

        :param plays_at: when the caller plays the frame; None: now.
        :param fresh: nothing was played before it.
        """

    def on_recalled(self, samples: int) -> None:
        """The last of what was taken will not be played."""
