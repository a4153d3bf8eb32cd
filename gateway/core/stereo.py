"""Two directions of a call on one line of samples.

Theory of operation. The line begins at an *anchor*, a moment of the monotonic clock, and counts
samples at :data:`~gateway.core.media_time.SAMPLE_RATE` from there. Sound that goes on is laid
behind what is there, sample by sample, whatever the event loop's lateness; only where it pauses
does the clock say where it goes on. So lateness never adds up, and a gap (hold, a lost leg, no
model) is as long as it was.

The agent's sound runs on this clock anyway: it lies where it is *played*. The caller's runs on the
clock of its own device. How far it leads (or lags) the line is measured at its arrival, as the
most of the last seconds, for what came late came late by the network; and where that is more than
:data:`TOLERANCE`, silence is left out or put in while the caller is quiet, until nothing of it is
left. Speech is never touched.

``take`` hands the line out up to a position, which then cannot change any more.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from gateway.core.media_time import SAMPLE_RATE

SAMPLE_BYTES: Final = 2

PAUSE: Final = SAMPLE_RATE * 3 // 10
"""Samples by which the caller's sound may be late and is still taken to go on. A receive window
gives up on a stalled network after as long.
"""

AGENT_PAUSE: Final = SAMPLE_RATE * 12 // 100
"""The same of the agent's, behind which a pacer gives up frames rather than to catch up."""

TOLERANCE: Final = SAMPLE_RATE * 3 // 100
"""Samples by which a caller's clock may be off the line."""

MEASURE: Final = 5 * SAMPLE_RATE
"""Samples over which that is measured, at least."""

LIVE_PIECE: Final = SAMPLE_RATE // 10
"""Samples in the largest piece that a microphone brings. Larger ones are a file's, which come when
they come, and have no clock.
"""

QUIET: Final = 200
"""Amplitude, about -44 dB of full scale, up to which 20 ms are a pause."""

MAX_AHEAD: Final = 60 * SAMPLE_RATE
"""Samples that may wait for their time: of a file that is sent at once."""

_RUNS: Final = 512


class _Track:
    """One direction: what lies behind the position up to which the line was taken."""

    __slots__ = ("_waiting", "sound_end", "taken")

    def __init__(self) -> None:
        self.taken = 0
        self.sound_end = 0
        """The position behind the last sound, which may have been taken long ago."""
        self._waiting = bytearray()

    @property
    def end(self) -> int:
        """Where sound that goes on is laid."""
        return self.taken + len(self._waiting) // SAMPLE_BYTES

    def lay(self, start: int, pcm: bytes) -> None:
        """:param start: not before :attr:`end`; silence lies between."""
        if gap := start - self.end:
            self._waiting += bytes(SAMPLE_BYTES * gap)
        self._waiting += pcm
        self.sound_end = self.end

    def recall(self, samples: int) -> None:
        """Take the last of what was laid back."""
        kept = max(0, len(self._waiting) - SAMPLE_BYTES * samples)
        del self._waiting[kept:]
        self.sound_end = min(self.sound_end, self.end)

    def take(self, until: int) -> bytes:
        size = SAMPLE_BYTES * (until - self.taken)
        pcm = bytes(self._waiting[:size])
        del self._waiting[:size]
        self.taken = until
        return pcm.ljust(size, b"\0")


class _Skew:
    """How far a caller's sound leads the line: the most in the last one or two stretches of
    :data:`MEASURE`.
    """

    __slots__ = ("_before", "_now", "_since")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._since = 0
        self._now: int | None = None
        self._before: int | None = None

    def measure(self, lead: int, at: int) -> None:
        if self._now is None:
            self._now, self._since = lead, at
        elif at - self._since >= MEASURE:
            self._before, self._now, self._since = self._now, lead, at
        else:
            self._now = max(self._now, lead)

    def moved(self, samples: int) -> None:
        """What is laid from now on lies later by so much."""
        self._now = self._now + samples if self._now is not None else None
        self._before = self._before + samples if self._before is not None else None

    @property
    def lead(self) -> int:
        """Samples; 0 while it is not known."""
        if self._now is None or self._before is None:
            return 0
        return max(self._now, self._before)


class StereoLine:
    """The line of one call: the caller left, the agent right, PCM16 each.

    :param anchor: seconds of a monotonic clock at which it begins.
    """

    def __init__(self, anchor: float) -> None:
        self._anchor = anchor
        self._caller = _Track()
        self._agent = _Track()
        self._skew = _Skew()
        self._leads = False
        """The caller's sound led by too much, and does still by some."""
        self._appended = 0
        self._runs: deque[tuple[int, int]] = deque([(0, 0)], maxlen=_RUNS)
        """Where the caller's sound did not go on: samples of it until there, and the position."""
        self.dropped = 0
        """Samples that had no room."""

    def position(self, now: float) -> int:
        """Samples from the beginning to ``now``; not negative."""
        return max(0, round((now - self._anchor) * SAMPLE_RATE))

    @property
    def taken(self) -> int:
        """The position up to which the line was handed out."""
        return self._agent.taken

    @property
    def end(self) -> int:
        """The position behind the last sound."""
        return max(self._caller.sound_end, self._agent.sound_end)

    def caller(self, pcm: bytes, now: float) -> None:
        """The caller's next sound, which arrived at ``now``, and was over then."""
        samples = len(pcm) // SAMPLE_BYTES
        here, start = self.position(now), self._caller.end
        first = not self._appended
        self._appended += samples
        if first or here - samples - self._caller.sound_end > PAUSE:
            start = max(start, here - samples)
            self._skew.forget()
        elif samples <= LIVE_PIECE:
            pcm, start = self._adjusted(pcm, start)
            if pcm.strip(b"\0"):
                self._skew.measure(start + len(pcm) // SAMPLE_BYTES - here, here)
        pcm = self._with_room(pcm, start)
        if start != self._caller.end or len(pcm) != SAMPLE_BYTES * samples:
            self._runs.append((self._appended - len(pcm) // SAMPLE_BYTES, start))
        self._caller.lay(start, pcm)

    def caller_position(self, appended: int) -> int:
        """Where the caller's sample lies before which it had sent ``appended``."""
        before, position = self._runs[0]
        for first, at in self._runs:
            if first > appended:
                break
            before, position = first, at
        return position + max(0, appended - before)

    def agent(self, pcm: bytes, at: float, *, fresh: bool) -> int:
        """The agent's next sound; where it lies.

        :param at: when it begins to be played.
        :param fresh: nothing was played before it.
        """
        start, here = self._agent.end, self.position(at)
        if fresh or here - self._agent.sound_end > AGENT_PAUSE:
            start = max(start, here)
        self._agent.lay(start, self._with_room(pcm, start))
        return start

    def agent_recall(self, samples: int) -> int:
        """The last of what was laid will not be played. Returns where the agent's sound ends."""
        self._agent.recall(samples)
        return self._agent.end

    def take(self, until: int) -> tuple[bytes, bytes]:
        """The caller's and the agent's samples from :attr:`taken` to ``until``."""
        until = max(until, self.taken)
        return self._caller.take(until), self._agent.take(until)

    def _adjusted(self, pcm: bytes, start: int) -> tuple[bytes, int]:
        """A piece of the caller's and its start, with the skew corrected if it is a pause."""
        lead = self._skew.lead
        self._leads = lead > (0 if self._leads else TOLERANCE)
        if not (self._leads or lead < -TOLERANCE) or _peak(pcm) > QUIET:
            return pcm, start
        if lead < 0:
            self._skew.moved(-lead)
            return pcm, start - lead
        left_out = min(lead, len(pcm) // SAMPLE_BYTES)
        self._skew.moved(-left_out)
        return pcm[SAMPLE_BYTES * left_out :], start

    def _with_room(self, pcm: bytes, start: int) -> bytes:
        room = max(0, self.taken + MAX_AHEAD - start)
        self.dropped += max(0, len(pcm) // SAMPLE_BYTES - room)
        return pcm[: SAMPLE_BYTES * room]


def _peak(pcm: bytes) -> int:
    samples = memoryview(pcm).cast("h")
    return max(max(samples), -min(samples)) if len(samples) else 0
