"""The receive window: RTP packets in, an unbroken time line of things to decode out.

Theory of operation. What listens is a speech model that reads a byte stream, not a loudspeaker
with a clock, so there is no play-out delay: a packet in sequence passes in the call that brought
it. Three things are told apart by the two counters in the RTP header (RFC 3550 §5.1): *sequence
numbers* say whether something is missing, *timestamps* say how much time lies between two
packets.

- **A hole in the sequence** waits for reordering, 20 to 60 ms as this path has lately needed.
  Then it is given up: the last frame comes from the in-band FEC of the packet after the hole (RFC
  6716 §2.1.7), the frames before it are concealed, and beyond 120 ms they are silence. Everything
  held behind the hole passes at once, so the delay is zero again. A copy of a missing packet (RED,
  RFC 2198) fills its place without any wait.
- **A step in the timestamps with the sequence unbroken** is time in which the sender chose to
  send nothing (DTX, RFC 7587 §3.1.3): it is filled with silence. A step longer than a second that
  no clock here has seen pass is a new talkspurt and is not filled.
- **Starvation.** When nothing comes, silence is emitted at real-time rate so that voice detection
  hears speech end. The silence is booked as ``ahead``, and what the timestamps fill in later is
  reduced by it: no time is counted twice. If the pause was a stall of the network instead, its
  packets still follow in sequence and are all played; the surplus stays booked and is taken off
  the next silence.

So at every moment ``emitted == timestamps passed + ahead``. A sender's clock drift needs no
correction: the output runs on the sender's clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.patience import Patience
from gateway.core.rtp import RtpPacket, sequence_delta, timestamp_delta
from gateway.core.window_stats import WindowStats

MAX_STEP: Final = 100
"""Sequence numbers a packet may lie off the expected one; further off, the sender has restarted
(RFC 3550 A.1). It bounds the packets held, too."""

MAX_CONCEAL_SECONDS: Final = 0.120
MAX_FILL_SECONDS: Final = 1.0
STARVED_FRAME_SECONDS: Final = 0.020

MAX_TIMER_LAG: Final = 0.100
"""Seconds ``pop`` may come late and catch up; later, this process stood still, not the sender."""

RESTART_PAUSE: Final = 0.100
"""Seconds a stream must have been silent before one that lies behind it may take its place."""

REMEMBERED_HOLES: Final = 8

_SEQUENCE_MASK: Final = 0xFFFF


@dataclass(slots=True)
class Play:
    """Decode ``payload``: ``samples`` of the RTP clock.

    Not frozen like the others: there is one for each packet, and freezing it costs four times more.
    """

    payload: bytes
    samples: int


@dataclass(frozen=True, slots=True)
class Recover:
    """Decode the FEC that ``payload`` carries of the packet before it; it is itself played next."""

    payload: bytes
    samples: int


@dataclass(frozen=True, slots=True)
class Conceal:
    """Nothing is known of these ``samples``: let the decoder continue what it played last."""

    samples: int


@dataclass(frozen=True, slots=True)
class Silence:
    """``samples`` in which the sender was silent; the decoder is not asked."""

    samples: int


Action = Play | Recover | Conceal | Silence


@dataclass(frozen=True, slots=True)
class _Hole:
    """``count`` sequence numbers from ``first``, missing since ``opened_at`` and given up."""

    first: int
    count: int
    opened_at: float


class ReceiveWindow:
    """Orders one RTP stream and fills what is missing. Sans-IO; ``now`` is monotonic seconds.

    After each :meth:`push`, and when :attr:`deadline` has passed, call :meth:`pop` until it
    returns None. Packets of the stream that are not audio (telephone-event, comfort noise) must
    be pushed with an empty payload: they take a sequence number, and without it would look lost.

    :param duration_of: samples of ``clock_rate`` in a payload; 0 or less when it cannot be decoded.
    :param clock_rate: Hz of the RTP clock.
    :param has_fec: whether a payload carries the packet before it; where it does not, the hole is
        concealed whole.
    """

    def __init__(
        self,
        duration_of: Callable[[bytes], int],
        *,
        clock_rate: int = 48_000,
        has_fec: Callable[[bytes], bool] = lambda payload: True,
    ) -> None:
        self.stats = WindowStats()
        self._duration_of = duration_of
        self._has_fec = has_fec
        self.clock_rate = clock_rate
        self._max_conceal = round(MAX_CONCEAL_SECONDS * clock_rate)
        self._max_fill = round(MAX_FILL_SECONDS * clock_rate)
        self._starved_frame = Silence(round(STARVED_FRAME_SECONDS * clock_rate))
        self._reordering = Patience(0.020, 0.060)
        self._stalling = Patience(0.100, 0.300)
        self._actions: deque[Action] = deque()
        self._held: dict[int, tuple[RtpPacket, float]] = {}
        self._given_up: deque[_Hole] = deque(maxlen=REMEMBERED_HOLES)
        self.reset()

    def reset(self) -> None:
        """Forget the stream, for example on hold: nothing is owed until the next packet."""
        self._ssrc: int | None = None
        self._next_sequence = 0
        self._next_timestamp = 0
        self._highest = 0
        self._missing = 0
        self._ahead = 0
        self._starved = 0
        self._pushed_at = 0.0
        self._played_at = 0.0
        self._starving_at = math.inf
        self._candidate: RtpPacket | None = None
        self._actions.clear()
        self._held.clear()
        self._given_up.clear()

    @property
    def ahead(self) -> int:
        """Samples of silence emitted beyond the timestamps passed; at most a second at a Play."""
        return self._ahead

    @property
    def held(self) -> int:
        """Packets waiting behind a hole."""
        return len(self._held)

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`pop` though nothing was pushed; None while no stream is active."""
        if self._actions or self._next_sequence in self._held:
            return self._pushed_at
        if self._held:
            return self._hole_deadline()
        return None if self._starving_at == math.inf else self._starving_at

    def push(self, packet: RtpPacket, now: float) -> None:
        """Take in a packet of the stream, whatever it is; never raises for what a sender does."""
        self.stats.received += 1
        self._pushed_at = now
        if packet.ssrc != self._ssrc:
            self._start(packet, now)
        elif self._held or self._candidate or packet.sequence != self._next_sequence:
            if not self._accept(packet, now):
                return
        else:
            self._highest = packet.sequence
        self._held[packet.sequence] = (packet, now)

    def push_copy(self, packet: RtpPacket, now: float) -> None:
        """Take in what a packet pushed just now carried of one before it (RED).

        Only where that one is still missing and the copy fits the time line there. It teaches
        nothing about the path: its own packet may yet come, and then is a duplicate.
        """
        ahead = sequence_delta(packet.sequence, self._next_sequence)
        missing = 0 <= ahead < sequence_delta(self._highest, self._next_sequence)
        if not missing or packet.ssrc != self._ssrc or packet.sequence in self._held:
            return
        if timestamp_delta(packet.timestamp, self._next_timestamp) >= 0:
            self._held[packet.sequence] = (packet, now)
            self.stats.redundant += 1

    def pop(self, now: float) -> Action | None:
        """The next stretch of the time line; None when there is none before :attr:`deadline`."""
        if self._actions:
            return self._actions.popleft()
        while self._held:
            entry = self._held.pop(self._next_sequence, None)
            if entry is not None:
                self._next_sequence = (self._next_sequence + 1) & _SEQUENCE_MASK
                action = self._place(entry[0], now)
                if action is not None:
                    return action
            elif now >= self._hole_deadline():
                self._give_up()
            else:
                return None
        return self._starve(now) if now >= self._starving_at else None

    # -- packets ---------------------------------------------------------------

    def _accept(self, packet: RtpPacket, now: float) -> bool:
        """Whether a packet off the ordinary path is to be held."""
        step = sequence_delta(packet.sequence, self._next_sequence)
        if abs(step) > MAX_STEP:
            self.stats.jumps += 1
            # A stream that is heard now has not restarted: far behind it lies an old backlog.
            alive = now - self._played_at < RESTART_PAUSE
            return not (step < 0 and alive) and self._is_restart(packet, now)
        self._candidate = None
        if step < 0:
            self._count_past(packet.sequence, now)
            return False
        if packet.sequence in self._held:
            self.stats.duplicate += 1
            return False
        if self._held and sequence_delta(packet.sequence, self._highest) < 0:
            self.stats.reordered += 1
            self._reordering.learn(now - self._hole_opened_at(), now)
        else:
            self._highest = packet.sequence
        return True

    def _is_restart(self, packet: RtpPacket, now: float) -> bool:
        """A jump is believed when the next packet continues it, a stray one not (RFC 3550 A.1)."""
        before, self._candidate = self._candidate, packet
        if before is None or sequence_delta(packet.sequence, before.sequence) != 1:
            return False
        self._start(before, now)
        self._held[before.sequence] = (before, now)
        self._highest = packet.sequence
        return True

    def _start(self, packet: RtpPacket, now: float) -> None:
        """Begin the time line anew at ``packet``. Silence keeps being owed meanwhile if it was."""
        if self._ssrc is not None:
            self.stats.resets += 1
        self._ssrc = packet.ssrc
        self._next_sequence = self._highest = packet.sequence
        self._next_timestamp = packet.timestamp
        self._missing = self._ahead = self._starved = 0
        self._candidate = None
        self._held.clear()
        self._given_up.clear()
        # What was sent before the first packet may still be on its way: late, no duplicate.
        self._given_up.append(_Hole((packet.sequence - MAX_STEP) & _SEQUENCE_MASK, MAX_STEP, now))

    def _count_past(self, sequence: int, now: float) -> None:
        """Tell a late packet from a duplicate; a late one teaches how long to wait next time."""
        for hole in self._given_up:
            if 0 <= sequence_delta(sequence, hole.first) < hole.count:
                self.stats.late += 1
                self._reordering.learn(now - hole.opened_at, now)
                return
        self.stats.duplicate += 1

    # -- holes -----------------------------------------------------------------

    def _hole_opened_at(self) -> float:
        """Arrival of the packet that showed the hole: the dict keeps the order of arrival."""
        return next(iter(self._held.values()))[1]

    def _hole_deadline(self) -> float:
        opened_at = self._hole_opened_at()
        return opened_at + self._reordering.at(opened_at)

    def _give_up(self) -> None:
        """Go on at the first packet after the hole."""
        first = self._next_sequence
        count = min(sequence_delta(held, first) for held in self._held)
        self._given_up.append(_Hole(first, count, self._hole_opened_at()))
        self._next_sequence = (first + count) & _SEQUENCE_MASK
        self._missing += count
        self.stats.lost += count

    # -- the time line ---------------------------------------------------------

    def _place(self, packet: RtpPacket, now: float) -> Action | None:
        """Put a packet in sequence on the time line; the first thing to do for it."""
        samples = self._duration_of(packet.payload) if packet.payload else 0
        if samples <= 0:
            self._skip(packet)
            return None
        gap = timestamp_delta(packet.timestamp, self._next_timestamp)
        if gap or self._missing or self._starved:
            self._fill(gap, packet.payload, samples, now)
        self._next_timestamp = packet.timestamp + samples
        self._played_at = now
        # Twice a packet and a little jitter: 60 ms packets must not starve between two of them.
        patience = max(self._stalling.at(now), 2 * samples / self.clock_rate + 0.040)
        self._starving_at = now + patience
        self.stats.played_samples += samples
        play = Play(packet.payload, samples)
        if not self._actions:
            return play
        self._actions.append(play)
        return self._actions.popleft()

    def _skip(self, packet: RtpPacket) -> None:
        if packet.payload:
            self.stats.invalid += 1
            self._missing += 1
        else:
            self.stats.empty += 1

    def _fill(self, gap: int, payload: bytes, samples: int, now: float) -> None:
        """Emit what lies between the time line's end and a packet ``gap`` samples after it.

        A surplus left by an old stall shortens only silence. A hole is speech, and is shortened
        only by what was emitted in its own time.
        """
        booked = self._starved if self._missing else self._ahead
        fill = gap - min(max(gap, 0), booked)
        if fill > self._max_fill or gap < -self._max_fill:
            self.stats.talkspurts += 1
            self._ahead = 0
        else:
            if self._missing and fill > 0:
                self._mend(fill, payload, samples)
            elif fill > 0:
                self._emit_silence(fill)
            elif gap < self._starved:
                self._stalling.learn(now - self._played_at, now)
            # More than a second is no stall: the sender's clock stood still, and so did its time.
            self._ahead = min(self._ahead + max(fill, 0) - gap, self._max_fill)
        self._missing = self._starved = 0

    def _mend(self, fill: int, payload: bytes, samples: int) -> None:
        """Fill a hole: concealment after what was played, silence, FEC before the next packet."""
        recover = min(fill, samples) if self._has_fec(payload) else 0
        # After silence there is nothing to continue: the decoder would repeat a sound long gone.
        conceal = 0 if self._starved else min(fill - recover, self._max_conceal)
        silence = fill - recover - conceal
        if conceal:
            self._actions.append(Conceal(conceal))
            self.stats.concealed_samples += conceal
        if silence:
            self._emit_silence(silence)
        if recover:
            self._actions.append(Recover(payload, recover))
            self.stats.recovered += 1
            self.stats.recovered_samples += recover
        if conceal or silence:
            self.stats.concealed += self._missing - (1 if recover else 0)

    def _emit_silence(self, samples: int) -> None:
        self._actions.append(Silence(samples))
        self.stats.silence_samples += samples

    def _starve(self, now: float) -> Silence:
        """Twenty milliseconds of silence in the place of packets that do not come."""
        if now - self._starving_at > MAX_TIMER_LAG:
            self._starving_at = now
        self._starving_at += STARVED_FRAME_SECONDS
        samples = self._starved_frame.samples
        self._ahead += samples
        self._starved += samples
        self.stats.silence_samples += samples
        return self._starved_frame
