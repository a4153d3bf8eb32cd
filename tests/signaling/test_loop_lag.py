from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.loop_lag import BOUNDS, PERIOD, RECENT, LagCount, LoopLag


def test_a_call_in_time() -> None:
    count = LagCount()
    assert count.called(1.0, 1.0) == pytest.approx(1.0 + PERIOD)
    assert sum(count.counts) == count.counts[0] == 1
    assert count.recent([0.5, 1.0]) == [0.0, 0.0]


def test_a_stall_counts_by_its_length() -> None:
    count = LagCount()
    due = 0.0
    for _ in range(180):
        due = count.called(due, due + 0.0005)
    due = count.called(due, due + 1.0001)
    assert due == pytest.approx(181 * PERIOD + 1.0)
    assert sum(count.counts) == 201
    half, last, longest = count.recent([0.5, 0.99, 1.0])
    assert half == pytest.approx(0.0005)
    assert last > 0.9
    assert longest == pytest.approx(1.0001)


def test_a_machine_that_slept_is_not_made_up_for() -> None:
    count = LagCount()
    due = count.called(0.0, 86_400.0)
    assert due == pytest.approx(86_400.0, abs=2 * PERIOD)
    assert sum(count.counts) <= RECENT / PERIOD + 1


def test_what_is_over_a_minute_ago_is_not_recent() -> None:
    count = LagCount()
    due = count.called(0.0, 0.2)
    for _ in range(round(RECENT / PERIOD)):
        due = count.called(due, due)
    assert count.recent([1.0]) == [0.0]
    assert count.total == pytest.approx(0.2 + 0.15 + 0.1 + 0.05)


def test_before_the_first_call() -> None:
    assert LagCount().recent([0.99]) == [0.0]


@given(st.lists(st.floats(0, 3), min_size=1, max_size=50))
def test_each_moment_counts_once_in_its_class(lags: list[float]) -> None:
    count, due = LagCount(), 0.0
    for lag in lags:
        now = due + lag
        due = count.called(due, now)
        assert now < due <= now + PERIOD + 1e-9
    assert sum(count.counts) == round(due / PERIOD)
    assert len(count.counts) == len(BOUNDS) + 1
    half, most = count.recent([0.5, 1.0])
    assert half <= most <= max(lags) + 1e-9


async def test_a_blocked_loop_is_seen() -> None:
    lag = LoopLag()
    lag.start()
    await asyncio.sleep(PERIOD / 2)
    time.sleep(0.3)  # noqa: ASYNC251 - what it is to notice
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert lag.count.recent([1.0])[0] >= 0.25
    lag.close()
    lag.close()
