"""What was heard, and when: the frames of the agent's voice and the questions asked of them.

No I/O and no clock: every moment is an argument, in monotonic seconds. A frame *arrives* when it
has been received and decoded, before any listener's play-out buffer.

A gateway sends nothing while the agent is silent, so frames are no clock: each carries its arrival,
and a position on one time line of samples that grows with real time.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from client.python.levels import SILENCE_DBFS, Samples, level_dbfs, power_dbfs

RATE = 24_000

_RE_ANCHOR = int(0.2 * RATE)
"""Samples by which media time and arrivals may differ before arrivals win: more than jitter, and a
sender whose clock jumps must not tear the time line."""


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """20 ms (or what one packet held). `position`: its first sample on the 24 kHz time line."""

    arrival: float
    position: int
    level: float
    samples: Samples

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


@dataclass(frozen=True, slots=True)
class Gap:
    """`milliseconds` in which a listener had nothing to play, from the moment `at`."""

    at: float
    milliseconds: float


class HeardAudio:
    """Frames of the last `keep_seconds`; `loud_dbfs` and above is the agent speaking."""

    def __init__(self, *, keep_seconds: float = 600.0, loud_dbfs: float = -45.0) -> None:
        self.keep_seconds = keep_seconds
        self.loud_dbfs = loud_dbfs
        self.origin: float | None = None
        self._frames: deque[HeardFrame] = deque()
        self._line_end = 0
        self._media_offset: int | None = None

    @property
    def frames(self) -> tuple[HeardFrame, ...]:
        return tuple(self._frames)

    def begin(self, now: float) -> None:
        """`now` is position 0 of the time line. Without it the first frame is."""
        if self.origin is None:
            self.origin = now

    def add(self, samples: Samples, media_position: int, now: float) -> HeardFrame:
        """One decoded frame. `media_position`: the sender's time (RTP) in samples at 24 kHz."""
        self.begin(now)
        position = self._placed(media_position, now)
        frame = HeardFrame(now, position, level_dbfs(samples), samples)
        self._line_end = position + len(samples)
        self._frames.append(frame)
        while self._frames[0].arrival < now - self.keep_seconds:
            self._frames.popleft()
        return frame

    def is_loud(self, frame: HeardFrame) -> bool:
        return frame.level >= self.loud_dbfs

    def first_loud_after(self, moment: float) -> float | None:
        """Arrival of the first loud frame after `moment`."""
        found = None
        for frame in reversed(self._frames):
            if frame.arrival <= moment:
                break
            if self.is_loud(frame):
                found = frame.arrival
        return found

    def last_loud_before(self, moment: float) -> float | None:
        """Arrival of the last loud frame at or before `moment`."""
        for frame in reversed(self._frames):
            if frame.arrival <= moment and self.is_loud(frame):
                return frame.arrival
        return None

    def last_loud_after(self, moment: float) -> float | None:
        """Arrival of the last loud frame, if that was after `moment`."""
        last = self.last_loud_before(float("inf"))
        return last if last is not None and last > moment else None

    def first_onset_after(self, moment: float, quiet_seconds: float = 0.2) -> float | None:
        """Arrival of the first loud frame after `moment` that ends `quiet_seconds` of quiet.

        An answer that was being spoken at `moment` is thereby not taken for one to what ended then.
        """
        previous = self.last_loud_before(moment)
        for frame in self._loud(moment, float("inf")):
            if previous is None or frame.arrival - previous >= quiet_seconds:
                return frame.arrival
            previous = frame.arrival
        return None

    def level(self, since: float = float("-inf"), until: float = float("inf")) -> float:
        """RMS level in dBFS of the loud frames in `since` … `until`."""
        squares, count = 0.0, 0
        for frame in self._loud(since, until):
            wide = frame.samples.astype(np.float64)
            squares += float(np.dot(wide, wide))
            count += len(wide)
        return power_dbfs(squares / count) if count else SILENCE_DBFS

    def answers(self, quiet_seconds: float = 1.0) -> list[tuple[float, float]]:
        """(first, last) loud arrival of each stretch of speech, `quiet_seconds` between them."""
        spans: list[tuple[float, float]] = []
        for frame in self._loud(float("-inf"), float("inf")):
            if spans and frame.arrival - spans[-1][1] < quiet_seconds:
                spans[-1] = (spans[-1][0], frame.arrival)
            else:
                spans.append((frame.arrival, frame.arrival))
        return spans

    def gaps(
        self, threshold_ms: float, *, since: float | None = None, until: float | None = None
    ) -> list[Gap]:
        """Holes over `threshold_ms` inside what the agent said.

        Given `since` and `until` it looks at that one answer, from its first loud frame to its
        last; without them at every answer. The listener is one without a play-out buffer: what has
        come is played, and a frame that is not there when the one before it ends is a hole, after
        which everything is that much later. A pause that was *sent* as audio is no hole.
        """
        if since is not None and until is not None:
            loud = [frame.arrival for frame in self._loud(since, until)]
            spans = [(loud[0], loud[-1])] if loud else []
        else:
            spans = self.answers()
        return [
            gap for span in spans for gap in self._holes(*span) if gap.milliseconds > threshold_ms
        ]

    def timeline(self) -> tuple[int, Samples]:
        """All that is kept, with silence where nothing was heard, and its first position."""
        if not self._frames:
            return 0, np.zeros(0, dtype=np.int16)
        first = self._frames[0].position
        line = np.zeros(self._line_end - first, dtype=np.int16)
        for frame in self._frames:
            start = frame.position - first
            line[start : start + len(frame.samples)] = frame.samples
        return first, line

    def _loud(self, since: float, until: float) -> Iterator[HeardFrame]:
        return (f for f in self._frames if since < f.arrival <= until and self.is_loud(f))

    def _holes(self, first: float, last: float) -> Iterator[Gap]:
        played_until: float | None = None
        for frame in self._frames:
            if not first <= frame.arrival <= last:
                continue
            if played_until is None or frame.arrival > played_until:
                if played_until is not None:
                    yield Gap(played_until, (frame.arrival - played_until) * 1000.0)
                played_until = frame.arrival
            played_until += frame.seconds

    def _placed(self, media_position: int, now: float) -> int:
        """Where a frame goes: by media time as long as that agrees with its arrival."""
        assert self.origin is not None
        by_arrival = round((now - self.origin) * RATE)
        if (
            self._media_offset is None
            or abs(media_position + self._media_offset - by_arrival) > _RE_ANCHOR
        ):
            self._media_offset = by_arrival - media_position
        return max(self._line_end, media_position + self._media_offset)
