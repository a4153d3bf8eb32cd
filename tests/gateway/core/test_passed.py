from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.media_time import SAMPLE_RATE
from gateway.core.passed import MAX_ITEMS, Passed
from gateway.core.playout import Playout
from gateway.core.stereo import StereoLine

SECOND = bytes(2 * SAMPLE_RATE)


class Tap:
    """A listener who notes what is played when."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int, float, bool]] = []
        self.recalled: list[int] = []

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        assert plays_at is not None
        self.taken.append((item_id, len(pcm), plays_at, fresh))

    def on_recalled(self, samples: int) -> None:
        self.recalled.append(samples)


def passed(*, is_open: bool = True) -> tuple[Passed, Tap]:
    playout, tap = Playout(), Tap()
    playout.taps += (tap,)
    made = Passed(playout)
    made.is_open = is_open
    return made, tap


def test_what_comes_faster_than_it_is_spoken_is_played_one_behind_the_other() -> None:
    call, tap = passed()
    for now in (10.0, 10.1, 10.2, 14.0):
        call.push("item_1", SECOND, now)
    times = [(at, fresh) for _, _, at, fresh in tap.taken]
    assert times == [(10.0, True), (11.0, False), (12.0, False), (14.0, True)]


def test_a_caller_that_speaks_stops_it() -> None:
    call, tap = passed()
    call.push("item_1", SECOND * 3, 10.0)
    call.stop(11.5)
    call.stop(11.6)
    call.push("item_2", SECOND, 12.0)
    call.stop(20.0)
    assert tap.recalled == [SAMPLE_RATE * 3 // 2]
    assert tap.taken[-1][2:] == (12.0, True)


def test_a_client_says_how_much_of_an_answer_it_played() -> None:
    call, tap = passed()
    call.push("item_1", SECOND, 10.0)
    call.push("item_2", SECOND * 3, 10.1)
    call.stop(12.0)
    call.cut("item_2", SAMPLE_RATE // 2)
    call.cut("item_2", SAMPLE_RATE * 2)
    call.cut("of another time", 0)
    assert tap.recalled == [2 * SAMPLE_RATE, SAMPLE_RATE // 2]


def test_where_there_is_no_such_client_nothing_is_told() -> None:
    call, tap = passed(is_open=False)
    call.push("item_1", SECOND, 10.0)
    call.cut("item_1", 0)
    call.stop(0.0)
    assert not tap.taken
    assert not tap.recalled


def test_only_whole_samples_are_told_and_items_are_forgotten() -> None:
    call, tap = passed()
    call.push("item_1", b"\0", 0.0)
    call.push("item_1", bytes(961), 0.0)
    assert [each[1] for each in tap.taken] == [960]
    for number in range(2, MAX_ITEMS + 2):
        call.push(f"item_{number}", bytes(2), 0.0)
    call.cut("item_1", 0)
    assert not tap.recalled, "nobody cuts what is that old"


@given(
    st.lists(
        st.tuples(st.sampled_from(["push", "stop", "cut"]), st.floats(0, 3), st.integers(0, 48_000))
    )
)
def test_no_more_is_recalled_than_was_to_come(steps: list[tuple[str, float, int]]) -> None:
    call, tap = passed()
    line, now = StereoLine(0.0), 0.0
    for what, after, samples in steps:
        now += after
        taken, recalled = len(tap.taken), len(tap.recalled)
        if what == "push":
            call.push("item", bytes(2 * samples), now)
        elif what == "stop":
            call.stop(now)
        else:
            call.cut("item", samples)
        for _, size, at, fresh in tap.taken[taken:]:
            assert at >= now
            line.agent(bytes(size), at, fresh=fresh)
        for each in tap.recalled[recalled:]:
            assert each > 0
            line.agent_recall(each)
    said = sum(size // 2 for _, size, _, _ in tap.taken)
    assert sum(tap.recalled) <= said
    assert line.end / SAMPLE_RATE == pytest.approx(max(0.0, call._until), abs=0.01)
