"""A conversation that moves from one connection to the next, in virtual time."""

import pytest

from gateway.core.rollover import Moment
from gateway.core.tool_calls import ToolCall
from tests.gateway.virtual_call import Call


@pytest.fixture
def call() -> Call:
    return Call()


def test_text_that_ran_ahead_of_a_voice_that_broke_off_was_not_said(call: Call) -> None:
    call.answer("a", "one two three four five six seven eight", 1.0, response="r", done=False)
    call.conversation.model_lost(call.now)
    call.listen(1.5)
    assert call.lines() == [("assistant", "one two three four")]


def test_what_a_move_would_meet(call: Call) -> None:
    def moment() -> Moment:
        return call.conversation.moment(call.now)

    assert moment() is Moment.QUIET
    call.server("input_audio_buffer.speech_started", item_id="q")
    assert moment() is Moment.USABLE
    call.server("input_audio_buffer.speech_stopped", item_id="q")
    call.server("input_audio_buffer.committed", item_id="q")
    assert moment() is Moment.WAITING
    call.answer("a", "Yes.", 1.0, response="r", done=False)
    assert moment() is Moment.BUSY
    done = {"id": "r", "status": "completed", "output": []}
    call.server("response.done", response=done)
    assert moment() is Moment.USABLE, "the answer is still heard, the question not in words"
    call.listen(1.5)
    assert moment() is Moment.USABLE
    call.recognised("q", "Well?")
    assert moment() is Moment.QUIET


def test_a_turn_without_an_answer_waits_for_one_no_longer_than_a_server_needs(call: Call) -> None:
    call.question("q", "Hm.")
    call.now += 11
    assert call.conversation.moment(call.now) is not Moment.WAITING


def test_a_move_at_rest_asks_for_nothing(call: Call) -> None:
    call.question("q", "Well?")
    call.answer("a", "Yes.", 1.0, response="r")
    call.server("input_audio_buffer.speech_started", item_id="q2")
    call.server("input_audio_buffer.speech_stopped", item_id="q2")
    call.server("input_audio_buffer.committed", item_id="q2")
    call.recognised("q2", "Never mind")
    call.conversation.interrupt(call.now)
    call.now += 20
    call.sent.clear()
    call.conversation.model_connected(set(), moved=True, now=call.now)
    assert set(call.sent_types()) == {"conversation.item.create"}


def test_a_move_before_an_answer_asks_for_it_on_the_next_connection(call: Call) -> None:
    call.question("q", "Well?")
    call.conversation.model_connected(set(), moved=True, now=call.now)
    assert call.sent_types() == ["conversation.item.create", "response.create"]


def test_items_that_were_told_and_are_reported_again_are_no_lines(call: Call) -> None:
    call.question("q", "Well?")
    call.answer("a", "Yes.", 1.0, response="r")
    call.listen(1.5)
    call.conversation.model_lost(call.now)
    call.restored()
    for event in list(call.sent):
        item = {**event["item"], "id": "renamed" if event["item"]["role"] == "assistant" else "q"}
        call.server("conversation.item.added", item=item, previous_item_id=None)
    call.question("q2", "And?")
    assert call.lines() == [("user", "Well?"), ("assistant", "Yes."), ("user", "And?")]


@pytest.mark.parametrize("whole", [True, False])
def test_a_call_of_a_tool_that_breaks_off_is_asked_for_again(call: Call, whole: bool) -> None:
    call.server("response.created", response={"id": "r"})
    item = {"id": "c", "type": "function_call", "call_id": "call_1", "name": "find"}
    call.server("response.output_item.added", response_id="r", item=item)
    if whole:
        call.conversation.transcript.record(ToolCall("call_1", "find", "{}", "c"))
    call.conversation.model_lost(call.now)
    call.sent.clear()
    call.restored()
    assert call.sent_types() == (["conversation.item.create"] if whole else ["response.create"])
