"""One frame after another: a leg's own deadline, without a task or a thread.

The first frame of a talkspurt leaves at once, each further one its length (20 ms, unless the caller
wants others) after the *deadline* of the one before, so that lateness of the event loop never adds
up. Deadlines lie on a grid that all calls share: one wake-up of the process serves the calls whose
deadlines fall together, with warm caches. Nothing runs and nothing is sent while the agent is
silent.

A receiver that buffers, as one behind TCP must, is kept a *lead* ahead: its frames leave that much
before they are played, and count as heard when they are.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE
from gateway.core.playout import Playout
from gateway.media.ticker import Tick, Ticker

HANGOVER_FRAMES = 5
"""Silent frames of 20 ms sent after a talkspurt, or as long with others: a receiver that conceals
what comes next repeats silence, not a vowel.
"""

SILENCE = bytes(2 * FRAME_SAMPLES)
"""One frame of PCM16, of 20 ms."""

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
    :param played: called with items whose last sample was heard, and whether nothing is owed now;
        also when the first sample of one was sent.
    :param lead: seconds before it is played that a frame leaves; 0: the receiver does not buffer,
        and what was sent was heard. With a lead no silence is sent.
    """

    def __init__(
        self,
        playout: Playout,
        send: SendFrame,
        played: Callable[[list[str], bool], None],
        lead: float = 0.0,
    ) -> None:
        self._playout = playout
        self._send = send
        self._played = played
        self._loop = asyncio.get_running_loop()
        self._ticker = Ticker.running()
        self._timer: Tick | None = None
        self._deadline: float | None = None
        self._lead = lead
        self._hangover_frames = 0 if lead else HANGOVER_FRAMES
        self._hangover = 0
        self._frame_samples = FRAME_SAMPLES
        self._talking = False
        self._closed = False
        self._settling: asyncio.TimerHandle | None = None

    def use_frames(self, samples: int) -> None:
        """Send frames of so many samples from the next one on."""
        self._frame_samples = samples
        if not self._lead:
            self._hangover_frames = math.ceil(HANGOVER_FRAMES * FRAME_SAMPLES / samples)

    def wake(self) -> None:
        """Audio was added to the playout: send its first frame now, if this pacer is at rest."""
        if self._timer is not None or self._closed:
            return
        start = self._start()
        frame = self._next_frame(start)
        if frame is not None:
            self._emit(frame, self._skip_to(start))
            self._fill()

    def _start(self) -> float:
        """When a frame taken now is played: at once, or behind what the receiver has."""
        now = self._loop.time()
        return max(now, self._playout.busy_until) if self._lead else now

    def _next_frame(self, start: float) -> bytes | None:
        return self._playout.next_frame(start if self._lead else None, self._frame_samples)

    def pause(self) -> None:
        """Send nothing until :meth:`wake`, which begins a new talkspurt with the next frame."""
        self._stop()
        self._talking = False

    def close(self) -> None:
        """Send nothing any more; what the playout owes stays there."""
        self._closed = True
        self._stop()
        if self._settling is not None:
            self._settling.cancel()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _skip_to(self, start: float) -> int:
        """Make the grid's point next to ``start`` the deadline; the samples that passed in silence
        since the last one.
        """
        before, self._deadline = self._deadline, _on_grid(start)
        return 0 if before is None else max(0, round((self._deadline - before) * SAMPLE_RATE))

    def _emit(self, frame: bytes, skipped: int) -> None:
        self._send(frame, skipped, not self._talking)
        self._talking = True
        self._hangover = self._hangover_frames
        self._schedule()
        self._report()

    def _schedule(self) -> None:
        assert self._deadline is not None
        if not self._closed:
            self._deadline = _on_grid(self._deadline + self._frame_samples / SAMPLE_RATE)
            self._timer = self._ticker.call_at(self._deadline - self._lead, self._on_timer)

    def _on_timer(self) -> None:
        self._tick()
        self._fill()

    def _fill(self) -> None:
        """Send at once what the receiver lacks of its lead."""
        while self._lead and self._timer is not None:
            assert self._deadline is not None
            if self._deadline - self._lead > self._loop.time():
                break
            self._timer.cancel()
            self._tick()

    def _tick(self) -> None:
        self._timer = None
        assert self._deadline is not None
        start = self._start()
        frame = self._next_frame(start)
        if frame is None and self._hangover == 0:
            self._rest()
            return  # The deadline stays: the next talkspurt skips what passed since.
        # A receiver that buffers plays on from what it has, however late its frames come.
        late = self._lead or start - self._deadline > MAX_LAG
        skipped = self._skip_to(start) if late else 0
        if frame is not None:
            self._emit(frame, skipped)
            return
        self._hangover -= 1
        self._talking = False
        self._send(bytes(2 * self._frame_samples), skipped, False)
        self._schedule()
        self._report()

    def _rest(self) -> None:
        """Nothing to send. What the receiver has is heard in a moment, and reported then."""
        self._talking = False
        if self._lead:
            if self._settling is not None:
                self._settling.cancel()
            until = max(self._playout.busy_until, self._loop.time())
            self._settling = self._loop.call_at(until, self._report)

    def _report(self) -> None:
        if self._lead:
            self._playout.settle(self._loop.time())
        completed = self._playout.completed()
        drained = self._playout.is_empty
        begun = self._playout.has_started
        if completed or begun or (drained and self._hangover == self._hangover_frames):
            self._played(completed, drained)


def _on_grid(when: float) -> float:
    """The same float for all calls, so that their timers are due in the same turn of the loop."""
    return round(when / GRID) * GRID
