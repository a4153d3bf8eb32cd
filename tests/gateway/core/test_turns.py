from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.turns import TRANSITIONS, Action, Input, Turn, Turns, diagram

DOCS = Path(__file__).parents[3] / "docs" / "architecture.md"


def test_a_spoken_turn_comes_back_to_listening() -> None:
    turns = Turns()
    seen = []
    for what in (
        Input.SPEECH_STARTED,
        Input.SPEECH_STOPPED,
        Input.RESPONSE_STARTED,
        Input.AUDIO_STARTED,
        Input.ANSWER_OVER,
    ):
        assert turns.feed(what) is Action.NONE
        seen.append(turns.now)
    assert seen == [
        Turn.CALLER_SPEAKING,
        Turn.THINKING,
        Turn.THINKING,
        Turn.AGENT_SPEAKING,
        Turn.LISTENING,
    ]


def test_speech_over_an_answer_cuts_it_without_a_cancel_of_ours() -> None:
    turns = Turns()
    turns.feed(Input.AUDIO_STARTED)
    assert turns.feed(Input.SPEECH_STARTED) is Action.CUT
    assert turns.now is Turn.CALLER_SPEAKING


def test_interrupt_also_cancels() -> None:
    turns = Turns()
    turns.feed(Input.RESPONSE_STARTED)
    assert turns.feed(Input.INTERRUPTED) is Action.CUT_AND_CANCEL
    assert turns.now is Turn.LISTENING


def test_interrupt_while_nobody_answers_does_nothing() -> None:
    turns = Turns()
    assert turns.feed(Input.INTERRUPTED) is Action.NONE
    assert turns.now is Turn.LISTENING


@given(st.lists(st.sampled_from(Input), max_size=50))
def test_whatever_comes_the_table_is_followed_and_listening_can_be_reached(
    inputs: list[Input],
) -> None:
    turns = Turns()
    for what in inputs:
        before = turns.now
        action = turns.feed(what)
        assert (turns.now, action) == TRANSITIONS.get((before, what), (before, Action.NONE))
    turns.feed(Input.SPEECH_STOPPED)
    turns.feed(Input.ANSWER_OVER)
    assert turns.now is Turn.LISTENING


def test_cuts_happen_only_where_there_is_something_to_cut() -> None:
    for (turn, _), (_, action) in TRANSITIONS.items():
        if action is not Action.NONE:
            assert turn in (Turn.THINKING, Turn.AGENT_SPEAKING)


def test_the_documentation_draws_this_table() -> None:
    assert diagram() in DOCS.read_text()
