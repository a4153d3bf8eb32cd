"""From what each call noted to the figures of a run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from client.python.bench import barge_in, process
from client.python.bench.call import BenchCall
from client.python.bench.figures import Figures, Recovery, calls_per_core, mean, summarise
from client.python.bench.staircase import recovery_seconds
from client.python.bench.track import PACKET_SAMPLES, STAIR_LOST

OVERDUE_SECONDS = 1.0
"""What was sent this long before the window's end and has not come will not come."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters at one end of the window. `ticks`, `samples`, `paced`: of each call, packets spoken,
    samples appended, and packets whose pace was judged."""

    at: float
    usage: process.Usage | None
    own_cpu: float
    ticks: list[int]
    samples: list[int]
    paced: list[int]


def read(calls: Sequence[BenchCall], usage: process.Usage | None) -> Reading:
    """Every counter now."""
    return Reading(
        time.monotonic(),
        usage,
        time.process_time(),
        [call.sender.ticks if call.sender else 0 for call in calls],
        [call.uplink.samples for call in calls],
        [len(call.reception.stats.pace_errors) for call in calls],
    )


@dataclass(frozen=True, slots=True)
class Notes:
    """A run from outside of its calls: the window's two ends, the gateway idle before, the CPU
    seconds of a set-up, the wheel's lags, the barge-ins, and how many calls did not last."""

    begin: Reading
    end: Reading
    idle: process.Usage | None
    setup_cpu: float | None
    lags: list[float]
    calls_lost: int
    trials: list[barge_in.Trial] = field(default_factory=list)


def tally(profile: str, calls: Sequence[BenchCall], answer_seconds: float, notes: Notes) -> Figures:
    """What the calls of a run of `profile` say together."""
    begin, end = notes.begin, notes.end
    call_seconds = (end.at - begin.at) * len(calls)
    cpu = None
    if begin.usage and end.usage:
        cpu = round((end.usage.cpu - begin.usage.cpu) * 1000 / call_seconds, 2)
    shares = _shares(begin, end)
    overdue = end.at - OVERDUE_SECONDS
    sent = sum(call.sender.ticks for call in calls if call.sender)
    lost = sum(call.sender.lost for call in calls if call.sender)
    clock_error = max(call.reception.stats.worst_clock_error for call in calls)
    return Figures(
        profile=profile,
        calls=len(calls),
        seconds=round(end.at - begin.at, 2),
        calls_lost=notes.calls_lost,
        cpu_ms_per_call_s=cpu,
        calls_per_core=calls_per_core(cpu),
        threads=end.usage.threads if end.usage else None,
        rss_idle_mib=_mib(notes.idle),
        rss_mib=_mib(end.usage),
        rss_per_call_kib=_rss_per_call(notes.idle, end.usage, len(calls)),
        setup_ms=summarise(call.setup_seconds for call in calls),
        setup_cpu_ms=_rounded(notes.setup_cpu, 1, 1000),
        uplink_ms=summarise(
            late for call in calls for at, late in call.uplink.probes if begin.at <= at < end.at
        ),
        uplink_missed=sum(begin.at <= at for call in calls for at in call.uplink.unheard(overdue)),
        delivered=round(mean(shares) or 0.0, 4),
        delivered_worst=round(min(shares), 4),
        packets_lost=round(lost / sent, 4),
        downlink_ms=summarise(
            late for call in calls for at, late in call.downlink if begin.at <= at < end.at
        ),
        downlink_missed=sum(
            begin.at <= at < overdue for call in calls for at in call.unheard_answers
        ),
        downlink_delivered=_rounded(mean(_heard(calls, begin.at, overdue, answer_seconds)), 4),
        pacing_ms=summarise(_pace_errors(calls, begin, end)),
        rtp_clock_error_ms=round(1000 * clock_error, 1),
        barge_in=barge_in.judge(notes.trials),
        recovery=_recovery(calls),
        generator_cpu_ms_per_call_s=round((end.own_cpu - begin.own_cpu) * 1000 / call_seconds, 2),
        generator_lag_ms=summarise(notes.lags),
    )


def _shares(begin: Reading, end: Reading) -> list[float]:
    """Of each call: the time line that was appended, over the one that was spoken."""
    appended = [after - before for before, after in zip(begin.samples, end.samples, strict=True)]
    spoken = [after - before for before, after in zip(begin.ticks, end.ticks, strict=True)]
    return [a / (s * PACKET_SAMPLES) if s else 0.0 for a, s in zip(appended, spoken, strict=True)]


def _heard(
    calls: Sequence[BenchCall], begin: float, overdue: float, answer_seconds: float
) -> list[float]:
    """The share heard of each answer that had the time to be heard whole."""
    return [
        heard.seconds / answer_seconds
        for call in calls
        for heard in call.answers
        if begin <= heard.started_at < overdue - answer_seconds
    ]


def _pace_errors(calls: Sequence[BenchCall], begin: Reading, end: Reading) -> list[float]:
    return [
        error
        for call, first, last in zip(calls, begin.paced, end.paced, strict=True)
        for error in call.reception.stats.pace_errors[first:last]
    ]


def _recovery(calls: Sequence[BenchCall]) -> Recovery:
    """Of calls that sent a staircase; those of which nothing was heard before the loss do not
    count."""
    settled: list[float | None] = []
    for call in calls:
        staircase = call.uplink.staircase
        if call.sender is not None and staircase is not None:
            with contextlib.suppress(ValueError):
                sent = call.sender.stairs_sent
                settled.append(recovery_seconds(sent, staircase.arrivals, STAIR_LOST))
    known = [seconds for seconds in settled if seconds is not None]
    return Recovery(summarise(known), len(settled) - len(known))


def _mib(usage: process.Usage | None) -> float | None:
    return round(usage.rss / 2**20, 1) if usage else None


def _rss_per_call(
    idle: process.Usage | None, busy: process.Usage | None, calls: int
) -> float | None:
    return round((busy.rss - idle.rss) / 1024 / calls, 1) if idle and busy else None


def _rounded(value: float | None, digits: int, times: float = 1) -> float | None:
    return None if value is None else round(value * times, digits)
