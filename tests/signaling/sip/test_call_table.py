"""The table of a call. What phones see of it is in ``test_user_agent.py``."""

from pathlib import Path

from signaling.sip.call_table import TRANSITIONS, Input, State, diagram

DOCS = Path(__file__).parents[3] / "docs" / "sip.md"


def test_each_state_can_be_reached_and_every_call_can_be_ended_by_either_side() -> None:
    reached = {State.OFFERED} | {state for state, _ in TRANSITIONS.values()}
    assert reached == set(State)
    for state in set(State) - {State.ENDED, State.LEAVING}:
        assert (state, Input.HANG_UP) in TRANSITIONS
    for state in set(State) - {State.ENDED, State.OFFERED}:
        assert (state, Input.BYE) in TRANSITIONS
    assert not any(state is State.ENDED for state, _ in TRANSITIONS), "an end is final"


def test_no_bye_is_sent_before_the_ack() -> None:
    """RFC 3261 §15."""
    for (state, what), (_, actions) in TRANSITIONS.items():
        unconfirmed = (State.ANSWERED, State.PROPOSED, State.LEAVING)
        if state in unconfirmed and "BYE" in [each.value for each in actions]:
            assert what in (Input.ACK, Input.NO_ANSWER, Input.NO_ACK)


def test_the_documentation_has_the_table() -> None:
    assert diagram() in DOCS.read_text()
    assert diagram().count("-->") == len(TRANSITIONS) + 1
    assert "offered_again --> established: CANCEL / 487" in diagram()
