from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
import structlog

from gateway.media.ticker import Ticker
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as loop:
        yield loop


def ticker_of(loop: VirtualLoop) -> Ticker:
    async def running() -> Ticker:
        return Ticker.running()

    return loop.run_until_complete(running())


def test_equal_deadlines_share_a_timer_and_keep_their_order(loop: VirtualLoop) -> None:
    ticker, called = ticker_of(loop), list[tuple[float, str]]()
    for when, name in ((0.02, "b"), (0.01, "a"), (0.02, "c"), (0.02, "d")):
        ticker.call_at(when, lambda name=name: called.append((loop.time(), name)))  # type: ignore[misc]
    assert loop.pending_timers() == 2
    loop.advance(1.0)
    assert called == [(0.01, "a"), (0.02, "b"), (0.02, "c"), (0.02, "d")]
    assert ticker.waiting == loop.pending_timers() == 0


def test_a_cancelled_callback_is_left_out(loop: VirtualLoop) -> None:
    ticker, called = ticker_of(loop), list[str]()
    later = ticker.call_at(0.01, lambda: called.append("later"))
    ticker.call_at(0.01, lambda: called.append("last"))
    ticker.call_at(0.005, later.cancel)
    loop.advance(1.0)
    assert called == ["last"]


def test_no_timer_is_left_when_all_of_a_moment_are_cancelled(loop: VirtualLoop) -> None:
    ticker = ticker_of(loop)
    first, second = (ticker.call_at(0.01, lambda: None) for _ in range(2))
    first.cancel()
    first.cancel()
    assert (ticker.waiting, loop.pending_timers()) == (1, 1)
    second.cancel()
    assert (ticker.waiting, loop.pending_timers()) == (0, 0)


def test_a_callback_may_ask_for_the_next(loop: VirtualLoop) -> None:
    ticker, times = ticker_of(loop), list[float]()

    def tick() -> None:
        times.append(loop.time())
        if len(times) < 3:
            ticker.call_at(loop.time() + 0.25, tick)

    ticker.call_at(0.25, tick)
    loop.advance(2.0)
    assert times == [0.25, 0.5, 0.75]


def test_one_that_fails_harms_no_other(loop: VirtualLoop) -> None:
    ticker, called = ticker_of(loop), list[str]()

    def fail() -> None:
        raise RuntimeError("a fault of one call")

    ticker.call_at(0.01, fail)
    ticker.call_at(0.01, lambda: called.append("other"))
    with structlog.testing.capture_logs() as logs:
        loop.advance(1.0)
    assert called == ["other"]
    assert [entry["log_level"] for entry in logs] == ["error"]


def test_a_loop_has_one_ticker_for_as_long_as_it_is_used(loop: VirtualLoop) -> None:
    ticker = ticker_of(loop)
    assert ticker_of(loop) is ticker
    with virtual_loop() as other:
        assert ticker_of(other) is not ticker
    gone = weakref.ref(ticker)
    del ticker
    assert gone() is None
