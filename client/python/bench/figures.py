"""What a run measured, in the units in which it is told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

BUSY_SHARE = 0.8
"""Of a core, up to which calls are counted: beyond it queues grow."""

MOST_LAG_MS = 5.0
"""At p99, up to which the generator's lateness does not show as the gateway's."""

MOST_GENERATOR_SHARE = 0.8
"""Of a core: beyond it the generator is late by itself."""

_BIN_MS = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """Of `count` values in ms; the others None when there are none."""

    count: int = 0
    p50: float | None = None
    p99: float | None = None
    max: float | None = None


def summarise(seconds: Iterable[float]) -> Summary:
    """Values in seconds, told in ms. Percentiles are values that occurred (nearest rank)."""
    ordered = sorted(seconds)
    if not ordered:
        return Summary()

    def rank(share: float) -> float:
        return _ms(ordered[max(0, math.ceil(share * len(ordered)) - 1)])

    return Summary(len(ordered), rank(0.5), rank(0.99), _ms(ordered[-1]))


def histogram(seconds: Iterable[float]) -> dict[str, int]:
    """Signed values in seconds: how many in each 5 ms, named by the middle of it in ms."""
    bins = Counter(_BIN_MS * round(value * 1000 / _BIN_MS) for value in seconds)
    return {str(middle): bins[middle] for middle in sorted(bins)}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


@dataclass(frozen=True, slots=True)
class BargeIns:
    """The caller speaks over answers: `stop_ms` is from the event's sending to the last audible
    packet's coming (0: it came before), `never` those that went on. `truncation_error_ms` is how
    far `audio_end_ms` was from what the reference receiver heard: its size, and the signed
    histogram (above 0: more than was heard)."""

    stop_ms: Summary = field(default_factory=Summary)
    never: int = 0
    truncation_error_ms: Summary = field(default_factory=Summary)
    truncation_histogram: dict[str, int] = field(default_factory=dict)
    untold: int = 0
    """Cuts after which the model was told nothing."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """After one lost packet: how long until the delay was back at rest, and stayed there."""

    ms: Summary = field(default_factory=Summary)
    never: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """One profile's run. Latencies are one way, on one clock; shares are 0 to 1; None: not known.

    `cpu_ms_per_call_s` is of the gateway's process tree while all calls talk, `setup_cpu_ms` what
    one call's set-up cost it. `uplink_ms`: packet sent to append received, of probes whose packet
    was not lost. `downlink_ms`: first delta of an answer sent to its first packet received.
    `pacing_ms`: how far a packet came off the pace of its time stamp. `delivered`: the time line
    appended over the time line spoken. The `generator_…` figures judge the measurement itself.
    """

    profile: str
    calls: int
    seconds: float
    calls_lost: int
    cpu_ms_per_call_s: float | None
    calls_per_core: float | None
    threads: int | None
    rss_idle_mib: float | None
    rss_mib: float | None
    rss_per_call_kib: float | None
    setup_ms: Summary
    setup_cpu_ms: float | None
    uplink_ms: Summary
    uplink_missed: int
    delivered: float
    delivered_worst: float
    packets_lost: float
    downlink_ms: Summary
    downlink_missed: int
    downlink_delivered: float | None
    pacing_ms: Summary
    rtp_clock_error_ms: float
    barge_in: BargeIns
    recovery: Recovery
    generator_cpu_ms_per_call_s: float
    generator_lag_ms: Summary

    @property
    def doubts(self) -> list[str]:
        """Why latencies and pacing of this run are not the gateway's; empty: they are."""
        lag = self.generator_lag_ms.p99
        share = self.generator_cpu_ms_per_call_s * self.calls / 1000
        doubts = []
        if lag is not None and lag > MOST_LAG_MS:
            doubts.append(f"the generator's timer was {lag:.1f} ms late at p99")
        if share > MOST_GENERATOR_SHARE:
            doubts.append(f"the generator took {share:.0%} of a core")
        return doubts

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "doubts": self.doubts}


def calls_per_core(cpu_ms_per_call_s: float | None) -> float | None:
    """Calls that keep one core busy for `BUSY_SHARE` of the time."""
    if not cpu_ms_per_call_s:
        return None
    return round(BUSY_SHARE * 1000 / cpu_ms_per_call_s, 1)


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
