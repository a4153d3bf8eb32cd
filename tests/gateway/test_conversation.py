"""The conversation in virtual time: server events in, client events and session events out."""

import pytest

from gateway.core import events as out
from gateway.core.media_time import SAMPLE_RATE
from gateway.core.turns import Turn
from gateway.handover import MAX_CARRIED
from tests.gateway.core.test_passed import Tap
from tests.gateway.virtual_call import Call


@pytest.fixture
def call() -> Call:
    return Call()


def test_a_turn_is_told_in_order_and_the_answer_when_it_was_heard(call: Call) -> None:
    call.question("q", None)
    call.answer("a", "Hello there.", 1.0, response="r")
    call.listen(2.0)
    assert call.lines() == [], "the question is not recognised yet"
    call.recognised("q", " Hello? ")
    assert call.lines() == [("user", "Hello?"), ("assistant", "Hello there.")]
    assert call.conversation.turns.now is Turn.LISTENING


def test_the_answer_is_not_a_line_before_its_last_sample(call: Call) -> None:
    call.question("q", "Hello?")
    call.answer("a", "Hello there.", 1.0, response="r")
    call.listen(0.9)
    assert call.lines() == [("user", "Hello?")]
    assert call.conversation.turns.now is Turn.AGENT_SPEAKING
    call.listen(0.2)
    assert call.lines()[-1] == ("assistant", "Hello there.")


def test_barge_in_truncates_at_what_was_heard(call: Call) -> None:
    call.question("q", "Tell me.")
    call.answer("a", "one two three four five six seven eight", 4.0, response="r")
    call.listen(2.0)
    call.server("input_audio_buffer.speech_started", item_id="q2")
    assert call.sent == [
        {
            "type": "conversation.item.truncate",
            "item_id": "a",
            "content_index": 0,
            "audio_end_ms": 2000,
            "event_id": "talkpath_cut_1",
        }
    ]
    assert out.AudioInterrupted("a", 2000) in call.told
    assert call.playout.next_frame() is None
    message = call.told[-1]
    assert isinstance(message, out.Message)
    assert message.content == "one two three four"
    assert message.data == {"interrupted": True, "audioEndMs": 2000}


def test_barge_in_before_anything_was_heard_deletes_the_answer(call: Call) -> None:
    call.question("q", "Tell me.")
    call.answer("a", "never heard", 1.0, response="r", done=False)
    call.server("input_audio_buffer.speech_started", item_id="q2")
    (deleted,) = call.sent
    assert (deleted["type"], deleted["item_id"]) == ("conversation.item.delete", "a")
    assert call.lines() == [("user", "Tell me.")]


def test_an_answer_heard_to_its_end_is_left_alone(call: Call) -> None:
    call.question("q", "Tell me.")
    call.answer("a", "Done.", 1.0, response="r")
    call.listen(1.5)
    call.server("input_audio_buffer.speech_started", item_id="q2")
    assert call.sent == []


def test_audio_in_flight_at_the_cut_is_not_played(call: Call) -> None:
    call.question("q", "Tell me.")
    call.answer("a", "one two", 1.0, response="r", done=False)
    call.listen(0.5)
    call.server("input_audio_buffer.speech_started", item_id="q2")
    call.audio("a", 1.0, "r")
    assert call.playout.next_frame() is None
    call.answer("b", "next", 1.0, response="r2")
    assert call.playout.next_frame() is not None


def test_without_barge_in_speech_does_not_cut(call: Call) -> None:
    call.conversation.barge_in = False
    call.answer("a", "one two", 1.0, response="r")
    call.server("input_audio_buffer.speech_started", item_id="q")
    assert call.playout.next_frame() is not None
    assert call.sent == []


def test_interrupt_cancels_and_truncates(call: Call) -> None:
    call.answer("a", "one two three", 3.0, response="r", done=False)
    call.listen(1.0)
    call.conversation.interrupt(call.now)
    assert call.sent_types() == ["response.cancel", "conversation.item.truncate"]
    call.conversation.interrupt(call.now)
    assert len(call.sent) == 2, "an interrupt has nothing more to do"


def test_interrupt_after_the_model_is_done_only_truncates(call: Call) -> None:
    call.answer("a", "one two three", 3.0, response="r")
    call.listen(1.0)
    call.conversation.interrupt(call.now)
    assert call.sent_types() == ["conversation.item.truncate"]


def test_typed_text_interrupts_and_is_answered_after_the_cancelled_response(call: Call) -> None:
    call.answer("a", "one two three", 3.0, response="r", done=False)
    call.listen(1.0)
    item_id = call.conversation.say("Stop, please.", call.now)
    assert call.sent_types() == [
        "response.cancel",
        "conversation.item.truncate",
        "conversation.item.create",
    ]
    assert call.sent[-1]["item"]["id"] == item_id
    call.server("response.done", response={"id": "r", "status": "cancelled", "output": []})
    assert call.sent_types()[-1] == "response.create"
    assert call.lines()[-1] == ("user", "Stop, please.")


def test_errors_that_only_say_that_messages_crossed_are_not_told(call: Call) -> None:
    call.conversation.request_response()
    event_id = call.sent[-1]["event_id"]
    call.server("response.created", response={"id": "own"})
    call.server(
        "error",
        error={
            "type": "invalid_request_error",
            "code": "conversation_already_has_active_response",
            "message": "busy",
            "event_id": event_id,
        },
    )
    assert not [e for e in call.told if isinstance(e, out.Failed)]
    call.server("response.done", response={"id": "own", "status": "completed", "output": []})
    assert call.sent[-1] == {"type": "response.create", "event_id": event_id}


def test_a_cut_that_the_model_refuses_is_not_told(call: Call) -> None:
    call.answer("a", "one two three", 3.0, response="r")
    call.listen(1.0)
    call.server("input_audio_buffer.speech_started", item_id="q")
    (cut,) = call.sent
    error = {"type": "invalid_request_error", "code": "item_truncate_invalid", "message": "no"}
    call.server("error", error={**error, "event_id": cut["event_id"]})
    assert not [e for e in call.told if isinstance(e, out.Failed)]
    call.server("error", error={**error, "event_id": "another"})
    assert [e for e in call.told if isinstance(e, out.Failed)]


def test_errors_that_end_the_session_are_left_to_it(call: Call) -> None:
    call.server("error", error={"code": "insufficient_quota", "message": "no money"})
    assert call.told == []


def test_other_errors_are_told_and_harm_nothing(call: Call) -> None:
    call.server("error", error={"type": "server_error", "code": None, "message": "hiccup"})
    assert call.told == [out.Failed(out.ErrorCode.UPSTREAM_ERROR, "hiccup")]
    call.answer("a", "Still here.", 0.1, response="r")
    call.listen(0.2)
    assert call.lines() == [("assistant", "Still here.")]


def test_an_answer_that_came_to_nothing_holds_up_no_line(call: Call) -> None:
    call.question("q", "Hm?")
    item = {"id": "a", "type": "message", "role": "assistant", "content": []}
    call.server("response.created", response={"id": "r"})
    call.server("response.output_item.added", response_id="r", item=item)
    done = {"id": "r", "status": "failed", "output": []}
    call.server("response.done", response=done)
    call.question("q2", "Hello?")
    assert call.lines() == [("user", "Hm?"), ("user", "Hello?")]


def test_a_failed_response_is_told(call: Call) -> None:
    call.question("q", "Hm?")
    call.server("response.created", response={"id": "r"})
    call.server(
        "response.done",
        response={
            "id": "r",
            "status": "failed",
            "output": [],
            "status_details": {"error": {"message": "out of order"}},
        },
    )
    assert call.told[-1] == out.Failed(out.ErrorCode.UPSTREAM_ERROR, "out of order")
    assert call.conversation.turns.now is Turn.LISTENING


def test_a_lost_connection_keeps_what_was_said_and_asks_for_the_answer_owed(call: Call) -> None:
    call.question("q", "What now?")
    call.answer("a", "One moment", 1.0, response="r", done=False)
    call.conversation.model_lost(call.now)
    call.listen(1.2)
    assert call.lines() == [("user", "What now?"), ("assistant", "One moment")]
    call.question("q2", "And?")
    call.conversation.model_lost(call.now)
    call.sent.clear()
    call.restored()
    assert call.sent_types() == ["conversation.item.create"] * 3 + ["response.create"]
    assert [event["item"]["role"] for event in call.sent[:3]] == ["user", "assistant", "user"]


def test_an_answer_that_a_fresh_connection_knows_as_text_is_told_anew_when_it_is_cut(
    call: Call,
) -> None:
    call.answer("a", "one two three", 3.0, response="r")
    call.listen(1.5)
    call.conversation.model_lost(call.now)
    call.restored()
    (told,) = call.sent
    assert told["item"]["content"][0]["text"] == "one two three"
    call.sent.clear()
    call.server("input_audio_buffer.speech_started", item_id="q")
    assert call.sent_types() == ["conversation.item.delete", "conversation.item.create"]
    assert call.sent[0]["item_id"] == call.sent[1]["item"]["id"] == "a"
    assert call.sent[1]["item"]["content"][0]["text"] == "one"


def test_text_typed_while_the_model_is_away_is_answered_once_it_is_back(call: Call) -> None:
    call.conversation.model_lost(call.now)
    call.conversation.say("Anyone there?", call.now)
    call.sent.clear()
    call.restored()
    assert call.sent_types() == ["conversation.item.create", "response.create"]


def test_without_a_leg_an_answer_counts_as_heard_when_it_is_complete(call: Call) -> None:
    call.conversation.audible = False
    call.answer("a", "In writing.", 2.0, response="r")
    assert call.lines() == [("assistant", "In writing.")]
    assert call.playout.is_empty


def test_an_answer_that_a_client_plays_by_itself_can_be_tapped(call: Call) -> None:
    tap = Tap()
    call.playout.taps += (tap,)
    call.conversation.audible = False
    call.answer("a", "Unheard.", 1.0, response="r")
    assert not tap.taken
    call.conversation.passed.is_open = True
    call.answer("b", "In writing, and aloud.", 2.0, response="r2")
    assert sum(size for _, size, _, _ in tap.taken) == 2 * 2 * SAMPLE_RATE
    call.now += 0.5
    call.server("input_audio_buffer.speech_started", item_id="q", audio_start_ms=0)
    assert tap.recalled == [SAMPLE_RATE * 3 // 2]
    assert call.lines()[-1] == ("assistant", "In writing, and aloud."), "it says itself what it cut"


def test_the_end_of_a_call_keeps_what_was_heard_of_the_last_answer(call: Call) -> None:
    call.answer("a", "one two three four five six seven eight", 4.0, response="r")
    call.listen(2.0)
    call.conversation.finish(0.0)
    assert call.lines() == [("assistant", "one two three four")]


def test_the_end_of_a_call_leaves_out_text_that_ran_ahead_of_its_voice(call: Call) -> None:
    call.answer("a", "Heard.", 1.0, response="r")
    call.listen(1.5)
    item = {"id": "b", "type": "message", "role": "assistant", "content": []}
    call.server("response.created", response={"id": "r2"})
    call.server("response.output_item.added", response_id="r2", item=item)
    call.server(
        "response.output_audio_transcript.delta", response_id="r2", item_id="b", delta="Not yet"
    )
    call.conversation.finish(0.0)
    assert call.lines() == [("assistant", "Heard.")]


@pytest.mark.parametrize("audible", [True, False])
def test_a_written_answer_that_is_interrupted_keeps_what_was_read(
    call: Call, audible: bool
) -> None:
    call.conversation.audible = audible
    item = {"id": "a", "type": "message", "role": "assistant", "content": []}
    call.server("response.created", response={"id": "r"})
    call.server("response.output_item.added", response_id="r", item=item)
    call.server("response.output_text.delta", response_id="r", item_id="a", delta="To be or")
    call.conversation.interrupt(call.now)
    call.server("response.output_text.delta", response_id="r", item_id="a", delta=" not to be")
    assert call.lines() == [("assistant", "To be or")]
    message = call.told[-1]
    assert isinstance(message, out.Message)
    assert message.type == "text"
    assert message.data == {"interrupted": True}


def test_a_spoken_answer_that_nobody_hears_is_read_too(call: Call) -> None:
    call.conversation.audible = False
    call.answer("a", "one two", 1.0, response="r", done=False)
    call.conversation.interrupt(call.now)
    assert call.lines() == [("assistant", "one two")]


def test_text_that_another_client_typed_is_no_speech(call: Call) -> None:
    content = [{"type": "input_text", "text": "Hello"}, {"type": "input_text", "text": "there."}]
    item = {"id": "q", "type": "message", "role": "user", "content": content}
    call.server("conversation.item.added", item=item, previous_item_id=None)
    (message,) = call.told
    assert isinstance(message, out.Message)
    assert (message.type, message.content) == ("text", "Hello there.")


def test_a_fresh_connection_is_told_no_more_than_it_can_use(call: Call) -> None:
    for number in range(MAX_CARRIED + 50):
        call.question(f"q{number}", f"line {number}")
    call.conversation.model_lost(call.now)
    call.sent.clear()
    call.restored()
    *carried, request = call.sent
    assert len(carried) == MAX_CARRIED
    assert carried[-1]["item"]["content"][0]["text"] == f"line {MAX_CARRIED + 49}"
    assert request["type"] == "response.create"


def test_turn_latency_is_from_the_end_of_speech_to_the_first_audio(call: Call) -> None:
    call.question("q", "Quick?")
    call.now += 0.35
    call.answer("a", "Yes.", 0.1, response="r")
    assert call.conversation.steps.last_ms("turn") == 350


def test_audio_that_is_not_base64_is_left_out(call: Call) -> None:
    call.server("response.created", response={"id": "r"})
    call.server(
        "response.output_audio.delta", response_id="r", item_id="a", delta="!", content_index=0
    )
    assert call.playout.is_empty
