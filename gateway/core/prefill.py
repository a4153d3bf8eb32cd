"""How much audio to hold before a talkspurt starts: as much as its model has lately been late.

Most models speak faster than real time; for them the first frame starts at once. One that sends
its audio as it is spoken is late with some of it, and each time the caller hears a gap. The gaps
of one talkspurt add up to what should have been held back at its start, and so they are learnt
from: the next one starts with that much in hand.
"""

from __future__ import annotations

from typing import Final

from gateway.core.media_time import FRAME_SAMPLES

MOST: Final = 10 * FRAME_SAMPLES
"""Samples held at most: 200 ms. A model that is silent for longer is not late, it pauses."""


class Prefill:
    """Samples to hold before the first frame, learnt from one talkspurt for the next.

    It rises to what a talkspurt with gaps lacked. After one without, it sinks by a frame if there
    was that much to spare.

    :param least: samples, and where it begins.
    """

    __slots__ = ("_dry", "_gaps", "_least", "_spare", "_started_with", "wanted")

    def __init__(self, least: int = FRAME_SAMPLES) -> None:
        self._least = least
        self.wanted = least
        """Samples."""
        self._forget()

    def _forget(self) -> None:
        self._started_with: int | None = None
        self._gaps = self._dry = 0
        self._spare = MOST

    def start(self, owed: int) -> None:
        """The first frame after silence or a gap is taken, of ``owed`` samples."""
        if self._started_with is None:
            self._started_with = owed
        elif self._dry <= MOST:
            self._gaps += self._dry
        self._dry = 0

    def spare(self, owed: int) -> None:
        """So many samples are left after a frame, and more are to come."""
        if owed < self._spare:
            self._spare = owed

    def miss(self, samples: int = FRAME_SAMPLES) -> None:
        """There was no frame, of so many samples, in mid-sentence."""
        self._dry += samples

    def end(self) -> None:
        """The talkspurt is over, or was cut; called again, it changes nothing."""
        if self._started_with is None:
            return
        lacked = min(self._started_with + self._gaps, MOST)
        if self._gaps:
            self.wanted = max(lacked, self.wanted)
        elif self._spare >= FRAME_SAMPLES:
            self.wanted = max(self.wanted - FRAME_SAMPLES, self._least)
        self._forget()
