"""The reference receiver: what a caller got of the agent's voice, on the RTP time line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from client.python.bench.probes import BurstDetector, peak
from client.python.bench.rtp import CLOCK_RATE, parse_header
from client.python.levels import Samples

RATE = 8_000
"""Hz of what is decoded: tones and silence are told apart, at a sixth of the cost."""

AUDIBLE = 400
"""Peak from which a sample is heard: -38 dBFS. Coded silence stays well under it, the answers' hum
well above."""

TAIL_SECONDS = 0.010
"""The end of a packet, by which it counts as audible. Its first 6.5 ms are the end of what the
packet before carried (Opus's look-ahead): sound there was not sent in this packet."""

_TICKS = CLOCK_RATE // RATE
_TAIL = int(TAIL_SECONDS * RATE)
_TALKSPURT_SECONDS = 0.05
"""Packets whose time stamps are this close belong to one talkspurt: their pace is measured."""


@dataclass(slots=True)
class Heard:
    """One answer as it was heard. `started_at`: when the packet with its first sound came, by the
    burst of `tone`."""

    tone: int
    started_at: float
    last_audible_at: float
    samples: int = 0
    """At `RATE`, of packets that were audible to their end, from the first sound on."""
    tail: int = 0
    """Samples heard of the packet after them."""

    @property
    def seconds(self) -> float:
        """How much of it was heard: neither silence nor what never came counts."""
        return (self.samples + self.tail) / RATE


@dataclass(slots=True)
class DownlinkStats:
    packets: int = 0
    lost: int = 0
    """Gaps in the sequence: of datagrams that this machine dropped, for no network does."""
    pace_errors: list[float] = field(default_factory=list)
    """Seconds that a packet of a talkspurt came off the pace of its time stamp."""
    worst_clock_error: float = 0.0
    """The same over a silence: seconds that the RTP clock went off the wall clock, at most."""


class Reception:
    """Takes RTP packets in clear. `on_answer(heard)` is told when an answer's burst is heard."""

    def __init__(
        self, decode: Callable[[bytes], Samples], on_answer: Callable[[Heard], None]
    ) -> None:
        self.stats = DownlinkStats()
        self.answer: Heard | None = None
        """The latest one."""
        self.ssrc: int | None = None
        self.highest_sequence = 0
        self._decode = decode
        self._on_answer = on_answer
        self._detector = BurstDetector(RATE)
        self._last: tuple[int, int, float] | None = None
        self._last_samples = 0

    def receive(self, packet: bytes, at: float) -> None:
        """One packet, at `at` seconds. Raises `struct.error` if it is cut short."""
        sequence, timestamp, self.ssrc, payload_at = parse_header(packet)
        self.stats.packets += 1
        self._follow(sequence, timestamp, at)
        samples = self._decode(packet[payload_at:])
        burst = self._detector.feed(samples, at)
        if burst is not None:
            # Of a pitch told one packet later, the first sample lies in the packet before.
            before = self._last_samples if burst.at < at else 0
            self.answer = Heard(burst.tone, burst.at, burst.at, before - burst.offset)
            self._on_answer(self.answer)
        if self.answer is not None and len(samples):
            _listen(self.answer, samples, at)
        self._last_samples = len(samples)

    def _follow(self, sequence: int, timestamp: int, at: float) -> None:
        """Judge the pace; count what is missing, and silence that was not sent."""
        if self._last is None:
            self._last = (sequence, timestamp, at)
            self.highest_sequence = sequence
            return
        last_sequence, last_timestamp, last_at = self._last
        steps = (sequence - last_sequence) & 0xFFFF
        if not 0 < steps < 0x8000:
            return
        self.stats.lost += steps - 1
        ticks = (timestamp - last_timestamp) & 0xFFFFFFFF
        if ticks >= 0x80000000:
            ticks -= 0x100000000
        self._detector.rest(max(0, ticks // _TICKS - self._last_samples))
        off = abs((at - last_at) - ticks / CLOCK_RATE)
        if 0 < ticks <= _TALKSPURT_SECONDS * CLOCK_RATE:
            self.stats.pace_errors.append(off)
        else:
            self.stats.worst_clock_error = max(self.stats.worst_clock_error, off)
        self._last = (sequence, timestamp, at)
        self.highest_sequence = sequence


def _listen(answer: Heard, samples: Samples, at: float) -> None:
    """Add to `answer` what is audible of a packet."""
    if peak(samples[-_TAIL:]) >= AUDIBLE:
        answer.samples += len(samples)
        answer.tail = 0
        answer.last_audible_at = at
    elif peak(samples) >= AUDIBLE:
        answer.tail = int(np.flatnonzero(samples >= AUDIBLE)[-1]) + 1
