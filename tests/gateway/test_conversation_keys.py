"""Keys that a caller presses: told to the model, and nobody is interrupted."""

from __future__ import annotations

import pytest

from gateway.core import events as out
from tests.gateway.test_conversation import Call


@pytest.fixture
def call() -> Call:
    return Call()


def test_keys_are_a_line_of_the_caller_s_and_are_answered(call: Call) -> None:
    call.conversation.press("12#", call.now)
    assert call.sent_types() == ["conversation.item.create", "response.create"]
    item = call.sent[0]["item"]
    assert item["role"] == "user"
    assert item["content"] == [{"type": "input_text", "text": "[the caller pressed 12#]"}]
    (line,) = [event for event in call.told if isinstance(event, out.Message)]
    assert (line.item_id, line.type, line.role) == (item["id"], "system", "user")
    assert (line.content, line.data) == ("[the caller pressed 12#]", {"dtmf": "12#"})


def test_an_answer_goes_on_to_its_end_and_the_keys_are_answered_after_it(call: Call) -> None:
    call.answer("a", "one two three", 3.0, response="r", done=False)
    call.listen(1.0)
    call.conversation.press("5", call.now)
    assert call.sent_types() == ["conversation.item.create"]
    item = {"id": "a", "type": "message"}
    call.server("response.output_audio.done", response_id="r", item_id="a")
    call.server("response.done", response={"id": "r", "status": "completed", "output": [item]})
    assert call.sent_types() == ["conversation.item.create", "response.create"]
    call.listen(3.0)
    assert call.lines() == [("assistant", "one two three"), ("user", "[the caller pressed 5]")]
    assert not any(isinstance(event, out.AudioInterrupted) for event in call.told)


def test_keys_pressed_while_the_caller_speaks_are_answered_with_the_words(call: Call) -> None:
    call.server("input_audio_buffer.speech_started", item_id="q")
    call.conversation.press("5", call.now)
    assert call.sent_types() == ["conversation.item.create"]
    call.question("q", "This is my number.")
    call.answer("a", "Thank you.", 1.0, response="r")
    assert call.sent_types() == ["conversation.item.create"]
