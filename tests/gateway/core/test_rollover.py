from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rollover import (
    DRAIN_TIMEOUT,
    TRANSITIONS,
    Action,
    Input,
    Moment,
    Rollover,
    State,
    diagram,
)

DOCS = Path(__file__).parents[3] / "docs" / "architecture.md"
HOUR = 3600.0


def single(lifetime: float = HOUR) -> Rollover:
    """One connection, opened at 0."""
    rollover = Rollover()
    assert rollover.feed(Input.OPENED) is Action.ADOPT
    rollover.expect_end(0.0, lifetime)
    return rollover


def ready(lifetime: float = HOUR) -> Rollover:
    rollover = single(lifetime)
    rollover.look(lifetime, Moment.BUSY, drained=True)
    assert rollover.feed(Input.CONFIGURED) is Action.TELL
    return rollover


def look(rollover: Rollover, now: float, moment: Moment = Moment.BUSY) -> Action:
    return rollover.look(now, moment, drained=True)


def test_a_successor_is_opened_five_minutes_before_the_hour() -> None:
    rollover = single()
    assert rollover.next_look(0.0) == HOUR - 300
    assert look(rollover, HOUR - 301) is Action.NONE
    assert look(rollover, HOUR - 300) is Action.OPEN
    assert rollover.state is State.PREPARING


def test_short_lives_leave_a_share_of_their_time() -> None:
    rollover = single(5.0)
    assert look(rollover, 2.9) is Action.NONE
    assert look(rollover, 3.0) is Action.OPEN


@pytest.mark.parametrize(
    ("moment", "earliest"),
    [(Moment.QUIET, 0.0), (Moment.USABLE, 150.0), (Moment.WAITING, 270.0), (Moment.BUSY, None)],
)
def test_the_nearer_the_end_the_less_is_asked_of_the_moment(
    moment: Moment, earliest: float | None
) -> None:
    rollover = ready()
    moved = next(
        (
            second
            for second in range(300)
            if look(rollover, HOUR - 300 + second, moment) is Action.MOVE
        ),
        None,
    )
    assert moved == earliest


def test_a_loss_is_taken_up_by_a_successor_that_is_ready() -> None:
    rollover = ready()
    assert rollover.feed(Input.LOST) is Action.ADOPT
    assert rollover.state is State.SINGLE


def test_a_loss_while_a_successor_is_prepared_waits_for_it_and_opens_no_other() -> None:
    rollover = single(5.0)
    look(rollover, 3.0)
    assert rollover.feed(Input.LOST) is Action.NONE
    assert rollover.feed(Input.OPENED) is Action.ADOPT


def test_a_former_connection_is_closed_when_it_has_nothing_more_to_say() -> None:
    rollover = ready()
    rollover.look(HOUR - 200, Moment.QUIET, drained=True)
    assert rollover.look(HOUR - 199, Moment.QUIET, drained=False) is Action.NONE
    assert rollover.next_look(HOUR - 199) is not None
    assert rollover.look(HOUR - 198, Moment.QUIET, drained=True) is Action.CLOSE
    assert rollover.state is State.SINGLE


def test_a_former_connection_that_says_nothing_is_closed_in_time() -> None:
    rollover = ready()
    rollover.look(HOUR - 200, Moment.QUIET, drained=True)
    late = HOUR - 200 + DRAIN_TIMEOUT
    assert rollover.look(late - 0.1, Moment.BUSY, drained=False) is Action.NONE
    assert rollover.look(late, Moment.BUSY, drained=False) is Action.CLOSE


@given(st.lists(st.sampled_from(Input), max_size=60))
def test_whatever_comes_there_is_never_a_successor_too_many_and_one_can_be_had(
    inputs: list[Input],
) -> None:
    rollover = Rollover()
    successors, former = 1, 0
    for what in inputs:
        before = rollover.state
        action = rollover.feed(what)
        assert (rollover.state, action) == TRANSITIONS.get((before, what), (before, Action.NONE))
        successors += action in (Action.OPEN, Action.REOPEN)
        successors -= action in (Action.ADOPT, Action.MOVE)
        former += action is Action.MOVE
        former -= action in (Action.CLOSE, Action.REOPEN)
        assert successors == (rollover.state in (State.AWAY, State.PREPARING, State.READY))
        assert former == (rollover.state is State.DRAINING)


def test_the_documentation_draws_this_table() -> None:
    assert diagram() in DOCS.read_text()
