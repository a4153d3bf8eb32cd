from __future__ import annotations

import pytest

from gateway.core.history import MAX_AGENTS, MAX_WAITS, MINUTES, OTHERS, History

NOON = 1_800_000_000.0 - 1_800_000_000.0 % 60


def test_calls_are_counted_in_the_minute_they_begin_and_the_most_at_once() -> None:
    history = History()
    history.began(NOON)
    history.began(NOON + 1)
    history.ended(NOON + 2)
    history.began(NOON + 59)
    history.ended(NOON + 61)
    first, second = history.minutes(NOON + 61)
    assert history.minutes(NOON + 61, since=second["at"] / 1000) == [second]
    assert (first["at"], first["calls"], first["live"]) == (NOON * 1000, 3, 2)
    assert (second["calls"], second["live"]) == (0, 2)
    assert history.minutes(NOON + 121)[-1]["live"] == 1


@pytest.mark.parametrize(
    ("waits", "p50", "p95"), [([], None, None), ([7], 7, 7), (list(range(100, 0, -1)), 51, 96)]
)
def test_percentiles_of_what_callers_waited(waits: list[int], p50: int, p95: int) -> None:
    history = History()
    for wait in waits:
        history.answered(NOON, wait)
    (minute,) = history.minutes(NOON)
    assert (minute["turns"], minute["p50Ms"], minute["p95Ms"]) == (len(waits), p50, p95)


def test_what_is_kept_is_bounded() -> None:
    history = History()
    for wait in range(2 * MAX_WAITS):
        history.answered(NOON, wait)
        history.bridged("a", wait)
    assert len(history.minute(NOON).waits) == len(history.agent("a").filler_waits) == MAX_WAITS
    for minute in range(2 * MINUTES):
        history.minute(NOON + 60 * minute)
    assert len(history.minutes(NOON + 60 * (2 * MINUTES - 1))) == MINUTES
    for number in range(2 * MAX_AGENTS):
        history.agent(f"agent {number}").answers += 1
    assert len(history.agents()) == MAX_AGENTS + 1
    assert {each["name"] for each in history.agents()} > {OTHERS}
