"""The caller's audio that a fresh connection to the model must hear again.

Theory of operation. All audio lies on one time line of samples, whichever connection carries it.
What a model has put into words is in the transcript and can be told; what it has not is only here:
the utterance under way, turns that are not recognised yet, and all that was said while no
connection was there. :meth:`ReplayBuffer.replay` gives exactly that to a fresh connection, and a
little more: the :data:`OVERLAP` before, since a server needs time to tell what it heard.

Everything older is dropped as soon as it is in words, so that a session at rest keeps a
second. ``now`` is in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.core.media_time import SAMPLE_RATE
from gateway.core.taps import HeardTap

SAMPLE_BYTES: Final = 2

OVERLAP: Final = 0.5
"""Seconds. What was appended in the last half second to second before a fresh connection takes over
is heard again, however much that is: a voice detection may have heard it and not told yet. Nothing
of a turn that was committed is.
"""

_OVERLAP_SAMPLES: Final = int(OVERLAP * SAMPLE_RATE)

LEAD_IN: Final = SAMPLE_RATE * 3 // 10
"""Samples before the start of an utterance that are heard again with it."""

MAX_KEPT: Final = 30 * SAMPLE_RATE
"""Samples kept; of more the oldest are lost."""

SETTLING: Final = 2 * SAMPLE_RATE
"""Samples for which what was heard again is kept, should that connection break at once as well."""

MAX_TURNS: Final = 16

PATIENCE: Final = 10.0
"""Seconds that a turn waits to be recognised; servers may never do it."""

PIECE: Final = SAMPLE_RATE // 2
"""Samples in one piece of a replay."""


@dataclass(slots=True)
class _Turn:
    """An utterance, in samples of the time line. ``item_id`` None: not told by the server yet.
    ``ours``: a commit of ours ended it.
    """

    item_id: str | None
    start: int
    end: int
    since: float
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """What a fresh connection is to hear.

    :ivar steps: PCM16 pieces; None stands for a commit.
    :ivar speech: somebody speaks in it, as far as is known, without a commit of ours.
    :ivar item_ids: the caller's items that it holds, under their ids of before.
    """

    steps: tuple[bytes | None, ...]
    speech: bool
    item_ids: tuple[str, ...]


class ReplayBuffer:
    """One session's recent audio (PCM16 mono, 24 kHz) and what is known of it."""

    def __init__(self) -> None:
        self.manual = False
        """Turns end by commits of ours, not by the server's voice detection."""
        self.position = 0
        """Samples appended in all."""
        self.taps: tuple[HeardTap, ...] = ()
        self._chunks: deque[bytes] = deque()
        self._lately_from = self._next_lately = 0
        """Positions half a second to a second ago, and less than that."""
        self._marked_at = 0.0
        self._kept_from = 0
        self._origin = 0
        """Where the present connection's own count of samples begins."""
        self._settled = 0
        """Everything before is in committed turns, or was dropped by the caller's wish."""
        self._speaking: _Turn | None = None
        self._turns: list[_Turn] = []
        self._held_from = self._held_until = 0
        self._away_since: int | None = 0
        """First sample that the connection which was lost may not have told of."""
        self.lost_samples = 0
        """Dropped while there was no connection to hear them."""

    # -- audio

    def append(self, pcm: bytes, now: float) -> None:
        """More of the caller's audio, as fast as it comes."""
        if now - self._marked_at >= OVERLAP:
            self._marked_at = now
            self._lately_from, self._next_lately = self._next_lately, self.position
        for tap in self.taps:
            tap.on_heard(pcm, now)
        self._chunks.append(pcm)
        self.position += len(pcm) // SAMPLE_BYTES
        self._trim()

    @property
    def room(self) -> int:
        """Samples that can be kept before any is lost, if no connection takes them."""
        return MAX_KEPT - (self.position - self._kept_from)

    def _trim(self) -> None:
        needed = max(self._needed_from(), self.position - MAX_KEPT)
        while self._chunks and self._kept_from + len(self._chunks[0]) // SAMPLE_BYTES <= needed:
            samples = len(self._chunks.popleft()) // SAMPLE_BYTES
            self._kept_from += samples
            if self._away_since is not None and self._kept_from > max(self._away_since, 0):
                self.lost_samples += samples

    def _needed_from(self) -> int:
        """The first sample that a connection opened now must hear."""
        needed = self._unsettled_from()
        return min(needed, self._turns[0].start) if self._turns else needed

    def _unsettled_from(self) -> int:
        """The same, without the turns that are only to be recognised."""
        if self.manual:
            return self._settled
        start = min(self.position - _OVERLAP_SAMPLES, self._lately_from)
        if self._speaking is not None:
            start = min(start, self._speaking.start - LEAD_IN)
        if self._away_since is not None:
            start = min(start, self._away_since)
        if self.position < self._held_until:
            start = min(start, self._held_from)
        return max(start, self._settled, 0)

    # -- what the server tells of it

    def speech_started(self, item_id: str | None, start_ms: object, now: float) -> None:
        """:param start_ms: ``audio_start_ms``, in the present connection's own time."""
        if self._speaking is None:
            at = self.position_of(start_ms)
            start = self.position if at is None else min(max(at, self._settled), self.position)
            self._speaking = _Turn(item_id, start, start, now)

    def speech_stopped(self, end_ms: object) -> None:
        """:param end_ms: ``audio_end_ms``."""
        if self._speaking is not None:
            end = self.position_of(end_ms)
            known = end is not None and self._speaking.start < end <= self.position
            self._speaking.end = end if known and end is not None else self.position

    def committed(self, item_id: str, now: float) -> None:
        """A turn ended, by the server's voice detection or by :meth:`commit`."""
        for turn in self._turns:
            if turn.item_id is None:
                turn.item_id = item_id
                return
        speaking = self._speaking
        stopped = speaking is not None and speaking.end > speaking.start
        self._close(item_id, speaking.end if speaking and stopped else self.position, now)

    def commit(self, now: float) -> None:
        """The caller ended the turn: all audio so far belongs to it."""
        self._close(None, self.position, now, ours=True)

    def commit_refused(self) -> None:
        """There was nothing to commit, says the server."""
        self._turns = [turn for turn in self._turns if turn.item_id is not None]

    def _close(self, item_id: str | None, end: int, now: float, *, ours: bool = False) -> None:
        start = self._speaking.start if self._speaking is not None else self._settled
        self._turns.append(_Turn(item_id, max(start, self._kept_from), end, now, ours))
        del self._turns[:-MAX_TURNS]
        self._settled = end
        self._speaking = None

    def recognised(self, item_id: str) -> None:
        """A turn is in words, or never will be."""
        self._turns = [turn for turn in self._turns if turn.item_id != item_id]

    def cleared(self) -> None:
        """The caller dropped what is not committed."""
        self._settled = self.position
        self._speaking = None

    def expire(self, now: float) -> None:
        """Give up turns that the server does not recognise."""
        while self._turns and now - self._turns[0].since > PATIENCE:
            del self._turns[0]

    @property
    def at_rest(self) -> bool:
        """All that was said is in words."""
        return (
            self._speaking is None
            and not self._turns
            and not (self.manual and self.position > self._settled)
        )

    def waiting_items(self) -> list[str]:
        """Turns that wait to be recognised."""
        return [turn.item_id for turn in self._turns if turn.item_id is not None]

    def position_of(self, connection_ms: object) -> int | None:
        """A position told by the server, on the time line."""
        if not isinstance(connection_ms, int | float):
            return None
        return self._origin + int(connection_ms * SAMPLE_RATE / 1000)

    # -- connections

    def disconnected(self) -> None:
        """No connection hears the caller from here on."""
        if self._away_since is None:
            self._away_since = min(self.position - _OVERLAP_SAMPLES, self._lately_from)

    def replay(self, *, turns: bool) -> Replay:
        """A fresh connection takes over: what it must hear before all that follows.

        :param turns: also those that are not recognised; False while their own connection stays.
        """
        again = list(self._turns) if turns else []
        start = max(self._needed_from() if turns else self._unsettled_from(), self._kept_from)
        audio, steps, at = b"".join(self._chunks), list[bytes | None](), start
        for turn in again:
            if turn.ours:
                steps += [*self._pieces(audio, at, turn.end), None]
                at = max(at, turn.end)
        steps += self._pieces(audio, at, self.position)
        if self._speaking is not None:
            again.append(self._speaking)
        item_ids = tuple(turn.item_id for turn in again if turn.item_id is not None)
        speech = any(not turn.ours for turn in again)
        self._take_over(start, turns=turns)
        return Replay(tuple(steps), speech, item_ids)

    def _take_over(self, start: int, *, turns: bool) -> None:
        if turns:
            # The fresh connection finds the ends of turns anew, but for those that we commit again.
            again = len(self._turns)
            self._turns = [turn for turn in self._turns if turn.ours]
            for turn in self._turns:
                turn.item_id = None
            if len(self._turns) < again:
                self._settled = self._turns[-1].end if self._turns else min(self._settled, start)
        self._speaking = None
        self._away_since = None
        self._origin = start
        self._held_from, self._held_until = start, self.position + SETTLING

    def _pieces(self, audio: bytes, start: int, end: int) -> Iterator[bytes]:
        """What lies from ``start`` to ``end``; ``audio`` is all that is kept."""
        first, last = ((at - self._kept_from) * SAMPLE_BYTES for at in (start, end))
        step = PIECE * SAMPLE_BYTES
        return (audio[at : min(at + step, last)] for at in range(first, last, step))
