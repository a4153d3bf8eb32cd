import numpy as np
import pytest

from client.python.bench.probes import burst
from client.python.bench.staircase import StaircaseReader, stair
from client.python.bench.track import RATE
from client.python.bench.uplink import UplinkMeter

SILENCE = bytes(2 * 480)


def tone(number: int) -> bytes:
    return burst(number, RATE).tobytes()


def silent(meter: UplinkMeter, seconds: float, at: float) -> None:
    meter.appended(bytes(2 * int(seconds * RATE)), at)


def test_a_probe_is_joined_with_its_burst() -> None:
    meter = UplinkMeter()
    meter.probe_sent(0, 1.0, lost=False)
    meter.appended(SILENCE, 1.001)
    meter.appended(tone(0), 1.030)
    assert meter.probes == [(1.0, pytest.approx(0.030))]
    assert meter.unheard(sent_before=9.0) == []
    assert (meter.samples, meter.appends, meter.first_append_at) == (480 + 1440, 2, 1.001)


def test_a_lost_probe_is_no_latency_and_is_not_missed() -> None:
    meter = UplinkMeter()
    meter.probe_sent(0, 1.0, lost=True)
    meter.appended(tone(0), 1.060)
    meter.probe_sent(1, 2.0, lost=True)
    assert meter.probes == []
    assert meter.unheard(9.0) == []


def test_a_probe_that_never_comes_is_missed() -> None:
    meter = UplinkMeter()
    meter.probe_sent(0, 1.0, lost=False)
    assert meter.unheard(sent_before=1.0) == []
    assert meter.unheard(sent_before=1.5) == [1.0]
    meter.probe_sent(0, 9.0, lost=False)
    assert meter.unheard(sent_before=8.0) == [1.0]


def test_a_late_probe_is_not_taken_for_the_next() -> None:
    meter = UplinkMeter()
    meter.probe_sent(0, 1.0, lost=False)
    meter.probe_sent(1, 2.0, lost=False)
    meter.appended(tone(0), 2.5)
    assert meter.probes == [(1.0, 1.5)]


def test_a_burst_that_should_be_older_than_the_last_is_misheard() -> None:
    meter = UplinkMeter()
    meter.probe_sent(0, 1.0, lost=False)
    meter.probe_sent(1, 2.0, lost=False)
    meter.appended(tone(1), 2.01)
    silent(meter, 0.5, 2.5)
    meter.appended(tone(0), 3.0)
    assert meter.probes == [(2.0, pytest.approx(0.01))]
    assert meter.unheard(9.0) == [1.0]


def test_a_staircase_is_read_on_the_way() -> None:
    meter = UplinkMeter()
    meter.staircase = StaircaseReader(RATE)
    for number in range(3):
        meter.appended(np.asarray(stair(number, 480, RATE)).tobytes(), float(number))
    assert meter.staircase.arrivals == {0: 0.0, 1: 1.0, 2: 2.0}
