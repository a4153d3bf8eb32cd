"""Twenty milliseconds, one after another: a leg's own deadline, without a task or a thread.

The first frame of a talkspurt leaves at once, each further one 20 ms after the *deadline* of the
one before, so that lateness of the event loop never adds up. Deadlines lie on a grid that all calls
share: one wake-up of the process serves the calls whose deadlines fall together, with warm caches.
Nothing runs and nothing is sent while the agent is silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from gateway.core.playout import Playout
from gateway.media.ticker import Tick, Ticker

HANGOVER_FRAMES = 5
"""Silent frames sent after a talkspurt: a receiver that conceals what comes next repeats silence,
not a vowel.
"""

SILENCE = bytes(2 * FRAME_SAMPLES)
"""One frame of PCM16."""

GRID = 0.005
"""Seconds. The second frame of a talkspurt is early or late by half of it at most."""

MAX_LAG = 0.1
"""Seconds the clock may fall behind before missed deadlines are given up instead of being caught up
in a burst.
"""

SendFrame = Callable[[bytes, int, bool], None]
"""``send(pcm, skipped, talkspurt)``: ``skipped`` samples of silence passed since the frame before,
unsent; ``talkspurt``: the first frame after silence (RFC 3551 §4.1, the marker).
"""


class Pacer:
    """Takes frames out of a playout when they are due.

    :param send: sends one frame; called on the event loop.
    :param played: called with items whose last sample was sent, and whether nothing is owed now.
    """

    def __init__(
        self,
        playout: Playout,
        send: SendFrame,
        played: Callable[[list[str], bool], None],
    ) -> None:
        self._playout = playout
        self._send = send
        self._played = played
        self._loop = asyncio.get_running_loop()
        self._ticker = Ticker.running()
        self._timer: Tick | None = None
        self._deadline: float | None = None
        self._hangover = 0
        self._talking = False
        self._closed = False

    def wake(self) -> None:
        """Audio was added to the playout: send its first frame now, if this pacer is at rest."""
        if self._timer is not None or self._closed:
            return
        frame = self._playout.next_frame()
        if frame is not None:
            self._emit(frame, self._skip_to(self._loop.time()))

    def pause(self) -> None:
        """Send nothing until :meth:`wake`, which begins a new talkspurt with the next frame."""
        self._stop()
        self._talking = False

    def close(self) -> None:
        """Send nothing any more; what the playout owes stays there."""
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _skip_to(self, now: float) -> int:
        """Make the grid's point next to ``now`` the deadline; the samples that passed in silence
        since the last one.
        """
        before, self._deadline = self._deadline, _on_grid(now)
        return 0 if before is None else max(0, round((self._deadline - before) * SAMPLE_RATE))

    def _emit(self, frame: bytes, skipped: int) -> None:
        self._send(frame, skipped, not self._talking)
        self._talking = True
        self._hangover = HANGOVER_FRAMES
        self._schedule()
        self._report()

    def _schedule(self) -> None:
        assert self._deadline is not None
        if not self._closed:
            self._deadline = _on_grid(self._deadline + FRAME_SECONDS)
            self._timer = self._ticker.call_at(self._deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        assert self._deadline is not None
        frame = self._playout.next_frame()
        if frame is None and self._hangover == 0:
            return  # At rest. The deadline stays: the next talkspurt skips what passed since.
        now = self._loop.time()
        skipped = self._skip_to(now) if now - self._deadline > MAX_LAG else 0
        if frame is not None:
            self._emit(frame, skipped)
            return
        self._hangover -= 1
        self._talking = False
        self._send(SILENCE, skipped, False)
        self._schedule()
        self._report()

    def _report(self) -> None:
        completed = self._playout.completed()
        drained = self._playout.is_empty
        if completed or (drained and self._hangover == HANGOVER_FRAMES):
            self._played(completed, drained)


def _on_grid(when: float) -> float:
    """The same float for all calls, so that their timers are due in the same turn of the loop."""
    return round(when / GRID) * GRID
