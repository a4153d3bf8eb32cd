from types import SimpleNamespace
from typing import Any

import pytest

from client.python.bench.barge_in import Trial
from client.python.bench.figures import Summary
from client.python.bench.process import Usage
from client.python.bench.reception import Heard
from client.python.bench.tally import Notes, Reading, read, tally
from client.python.bench.track import STAIR_LOST

BEGIN, END = 100.0, 110.0
PACKETS, SAMPLES = 500, 240_000


def call(**changes: Any) -> Any:
    """What a call noted in ten seconds: a probe of 1 ms each second, one answer of 2 s."""
    uplink = SimpleNamespace(
        probes=[(float(at), 0.001) for at in range(95, 115)],
        samples=SAMPLES,
        unheard=lambda before: [at for at in (99.0, 104.0, 109.5) if at < before],
        staircase=None,
    )
    stats = SimpleNamespace(pace_errors=[0.5, 0.001, 0.002, 0.5], worst_clock_error=0.003)
    heard = Heard(0, 101.0, 103.0, samples=15_100, tail=100)
    values = {
        "uplink": uplink,
        "sender": SimpleNamespace(ticks=PACKETS, lost=50, stairs_sent={}),
        "reception": SimpleNamespace(stats=stats),
        "downlink": [(99.0, 9.0), (101.0, 0.004), (105.0, 0.002)],
        "answers": [heard, Heard(1, 108.0, 108.0)],
        "unheard_answers": [99.0, 106.0, 109.5],
        "setup_seconds": 0.03,
    }
    return SimpleNamespace(**{**values, **changes})


def reading(at: float, cpu: float, times: int, paced: int) -> Reading:
    usage = Usage(cpu, 100 * 2**20 + times * 2**20, 3)
    return Reading(at, usage, cpu / 2, [PACKETS * times] * 2, [SAMPLES * times] * 2, [paced] * 2)


def notes(**changes: Any) -> Notes:
    values: dict[str, Any] = {
        "begin": reading(BEGIN, 5.0, 0, 1),
        "end": reading(END, 5.4, 1, 3),
        "idle": Usage(1.0, 100 * 2**20, 1),
        "setup_cpu": 0.0074,
        "lags": [0.001],
        "calls_lost": 0,
        "trials": [Trial(0.002, 0.001)],
    }
    return Notes(**{**values, **changes})


def test_what_the_calls_noted_in_the_window_is_told() -> None:
    told = tally("rest", [call(), call()], 2.0, notes())
    assert (told.profile, told.calls, told.seconds) == ("rest", 2, 10.0)
    assert told.cpu_ms_per_call_s == 20.0
    assert told.calls_per_core == 40.0
    assert told.generator_cpu_ms_per_call_s == 10.0
    assert told.uplink_ms == Summary(20, 1.0, 1.0, 1.0)
    assert told.uplink_missed == 2
    assert told.delivered == told.delivered_worst == 1.0
    assert told.packets_lost == 0.1
    assert told.downlink_ms == Summary(4, 2.0, 4.0, 4.0)
    assert told.downlink_missed == 2
    assert told.downlink_delivered == 0.95
    assert told.pacing_ms == Summary(4, 1.0, 2.0, 2.0)
    assert told.rtp_clock_error_ms == 3.0
    assert (told.rss_idle_mib, told.rss_mib, told.rss_per_call_kib) == (100.0, 101.0, 512.0)
    assert (told.setup_ms.p50, told.setup_cpu_ms, told.threads) == (30.0, 7.4, 3)
    assert told.barge_in.stop_ms.count == 1
    assert told.recovery.ms.count == 0


def test_of_an_unknown_process_nothing_is_made_up() -> None:
    blind = Reading(END, None, 0.0, [PACKETS], [SAMPLES], [0])
    before = Reading(BEGIN, None, 0.0, [0], [0], [0])
    told = tally("rest", [call()], 2.0, notes(begin=before, end=blind, idle=None, setup_cpu=None))
    unknown = (told.cpu_ms_per_call_s, told.calls_per_core, told.rss_per_call_kib, told.rss_mib)
    assert unknown == (None, None, None, None)
    assert told.setup_cpu_ms is None


def test_the_worst_call_is_told_beside_the_mean() -> None:
    end = reading(END, 5.4, 1, 3)
    end.samples[1] = SAMPLES // 2
    told = tally("loss=10", [call(), call()], 2.0, notes(end=end))
    assert (told.delivered, told.delivered_worst) == (0.75, 0.5)


def test_recovery_is_read_from_the_staircases() -> None:
    sent = {number: number * 0.02 for number in range(100)}
    on_time = {number: at + 0.001 for number, at in sent.items() if number != STAIR_LOST}
    late = {number: at + (0.2 if number > STAIR_LOST else 0) for number, at in on_time.items()}
    calls = []
    for arrivals in (on_time, late, {}):
        one = call()
        one.sender.stairs_sent = sent
        one.uplink.staircase = SimpleNamespace(arrivals=arrivals)
        calls.append(one)
    told = tally("one-lost", calls[:2], 2.0, notes())
    assert (told.recovery.ms, told.recovery.never) == (Summary(1, 21.0, 21.0, 21.0), 1)
    nothing = tally("one-lost", calls[2:], 2.0, notes(begin=one_call(0), end=one_call(1)))
    assert (nothing.recovery.ms.count, nothing.recovery.never) == (0, 0)


def one_call(times: int) -> Reading:
    return Reading(BEGIN + 10 * times, None, 0.0, [PACKETS * times], [SAMPLES * times], [times])


def test_a_reading_takes_all_counters() -> None:
    taken = read([call(), call(sender=None)], Usage(1.0, 2, 3))
    assert (taken.ticks, taken.samples, taken.paced) == ([PACKETS, 0], [SAMPLES] * 2, [4, 4])
    assert taken.usage == Usage(1.0, 2, 3)
    assert taken.own_cpu == pytest.approx(read([], None).own_cpu, abs=1.0)
