"""A limit of cost in virtual time."""

from __future__ import annotations

import pytest

from gateway.core.budget import GOODBYE_TIMEOUT, LEAVE_TIMEOUT, Action, Budget, Stage


def look(
    budget: Budget,
    cost: float | None,
    now: float = 0.0,
    *,
    speaks: bool = False,
    heard: bool = False,
    done: bool = True,
) -> Action:
    return budget.look(cost, now, caller_speaks=speaks, agent_speaks=heard, agent_is_done=done)


def test_a_session_is_warned_says_goodbye_and_ends() -> None:
    budget = Budget(1.0)
    assert look(budget, 0.89) is Action.NONE
    assert look(budget, 0.90) is Action.WARN
    assert look(budget, 0.95) is Action.NONE, "once"
    assert look(budget, 1.0, 60.0) is Action.SAY_GOODBYE
    assert look(budget, 1.1, 60.1, done=False) is Action.NONE
    assert look(budget, 1.1, 63.0) is Action.END
    assert look(budget, 9.9, 99.0) is Action.NONE, "it is over"


def test_the_warning_waits_for_the_caller_and_the_limit_does_not() -> None:
    budget = Budget(1.0)
    assert look(budget, 0.93, speaks=True) is Action.NONE
    assert look(budget, 0.93) is Action.WARN
    assert look(budget, 1.0, speaks=True) is Action.SAY_GOODBYE


def test_one_dear_answer_may_skip_the_warning() -> None:
    budget = Budget(0.01)
    assert look(budget, 5.0, done=False) is Action.SAY_GOODBYE
    assert budget.stage is Stage.LEAVING


def test_a_goodbye_that_does_not_come_holds_nothing_up() -> None:
    budget = Budget(1.0)
    look(budget, 1.0, 10.0, done=False)
    assert look(budget, 1.0, 10.0 + GOODBYE_TIMEOUT - 0.1, done=False) is Action.NONE
    assert look(budget, 1.0, 10.0 + GOODBYE_TIMEOUT, done=False) is Action.END


def test_an_answer_under_way_is_heard_out_but_not_for_ever() -> None:
    budget = Budget(1.0)
    look(budget, 1.0, 0.0, heard=True, done=False)
    for now in range(1, int(LEAVE_TIMEOUT)):
        assert look(budget, 1.0, float(now), heard=True, done=False) is Action.NONE
    assert look(budget, 1.0, LEAVE_TIMEOUT, heard=True, done=False) is Action.END


@pytest.mark.parametrize(("limit", "cost"), [(None, 1e9), (1.0, None)])
def test_without_a_limit_or_a_price_nothing_ends(limit: float | None, cost: float | None) -> None:
    assert look(Budget(limit), cost) is Action.NONE
