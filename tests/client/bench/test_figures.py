import json

import pytest

from client.python.bench.figures import (
    Summary,
    calls_per_core,
    histogram,
    mean,
    summarise,
)
from tests.client.bench.sample import figures


def test_percentiles_are_values_that_occurred() -> None:
    seconds = [n / 1000 for n in range(1, 201)]
    assert summarise(reversed(seconds)) == Summary(200, 100.0, 198.0, 200.0)
    assert summarise([0.0123456]) == Summary(1, 12.35, 12.35, 12.35)
    assert summarise([]) == Summary(0, None, None, None)


def test_a_histogram_counts_signed_steps_of_5_ms() -> None:
    assert histogram([0.0, 0.002, -0.002, 0.004, -0.011, 0.020]) == {
        "-10": 1,
        "0": 3,
        "5": 1,
        "20": 1,
    }


@pytest.mark.parametrize(("cpu", "calls"), [(10.0, 80.0), (None, None), (0.0, None)])
def test_calls_per_core_leave_a_fifth_of_it(cpu: float | None, calls: float | None) -> None:
    assert calls_per_core(cpu) == calls


def test_a_mean_of_nothing_is_unknown() -> None:
    assert mean([]) is None
    assert mean([1.0, 2.0]) == 1.5


def test_figures_are_plain_json() -> None:
    told = json.loads(json.dumps(figures().as_dict()))
    assert told["uplink_ms"] == {"count": 400, "p50": 0.4, "p99": 5.1, "max": 9.0}
    assert told["barge_in"]["truncation_histogram"] == {"0": 9, "5": 1}


def test_a_generator_that_was_late_or_busy_makes_doubts() -> None:
    assert figures().doubts == []
    late = figures(generator_lag_ms=Summary(20_000, 0.3, 7.2, 40.0))
    assert late.doubts == ["the generator's timer was 7.2 ms late at p99"]
    busy = figures(calls=80, generator_cpu_ms_per_call_s=11.0)
    assert busy.doubts == ["the generator took 88% of a core"]
    assert busy.as_dict()["doubts"] == busy.doubts
