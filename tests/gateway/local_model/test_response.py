import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.local_model.audio import AudioFormat
from gateway.local_model.conversation import Conversation, Item, Part
from gateway.local_model.outputs import Drop, Outbox, Promote, Run, Send
from gateway.local_model.response import CancelReason, InputUsage, Response, ResponseSettings
from gateway.local_model.speech import Speech
from tests.gateway.local_model.desk import check_event

LEAD = 3.0


class Stage:
    """A response, its clock and its voice."""

    def __init__(self, **settings: Any) -> None:
        defaults: dict[str, Any] = {
            "modality": "audio",
            "format": AudioFormat.PCM,
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"},
            "speed": 1.0,
            "max_output_tokens": "inf",
            "metadata": {"topic": "t"},
            "conversation_id": "conv_1",
        }
        self.now = 10.0
        self.events: list[dict[str, Any]] = []
        self.asked: list[Speech] = []
        self.urgent: list[Speech] = []
        self._outbox = Outbox()
        self.conversation = Conversation()
        self.conversation.insert(Item("item_0", role="user", parts=[Part("input_text", text="?")]))
        self.response = Response(
            "resp_1",
            "item_1",
            ResponseSettings(**(defaults | settings)),
            self.conversation,
            self._outbox,
        )
        self._take()

    def _take(self) -> None:
        for output in self._outbox.take():
            match output:
                case Send(event):
                    self.events.append(check_event(event))
                case Run(Speech() as speech, urgent):
                    self.asked.append(speech)
                    if urgent:
                        self.urgent.append(speech)
                case Promote(Speech() as speech):
                    self.urgent.append(speech)
                case Drop(speech):
                    self.asked = [other for other in self.asked if other is not speech]

    def plan(
        self, *sentences: str, prepared: Speech | None = None, call: Item | None = None
    ) -> None:
        self.response.plan(sentences, InputUsage(5, 10), self.now, prepared, call)
        self._take()

    def advance(self) -> None:
        self.response.advance(self.now)
        self._take()

    def cancel(self, reason: CancelReason) -> None:
        self.response.cancel(reason)
        self._take()

    def spoken(self, seconds: float) -> None:
        """The voice has said what it was asked for."""
        speech = self.asked.pop(0)
        settings = self.response.settings
        size = round(seconds * settings.format.rate) * settings.format.sample_size
        speech.audio = bytes(size)
        self.advance()

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.response.deadline is not None and self.response.deadline <= end:
            self.now = max(self.now, self.response.deadline)
            self.advance()
        self.now = end

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def seconds_sent(self) -> float:
        deltas = [e["delta"] for e in self.events if e["type"] == "response.output_audio.delta"]
        settings = self.response.settings
        size = sum(len(base64.b64decode(delta)) for delta in deltas)
        return size / settings.format.sample_size / settings.format.rate

    def done(self) -> dict[str, Any]:
        event = self.events[-1]
        assert event["type"] == "response.done"
        response: dict[str, Any] = event["response"]
        return response


def test_every_event_of_a_spoken_answer_in_order() -> None:
    stage = Stage()
    stage.plan("One.", "Two.")
    stage.spoken(0.3)
    stage.spoken(0.2)
    assert stage.types() == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    done = stage.done()
    assert done["status"] == "completed"
    assert done["metadata"] == {"topic": "t"}
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "One. Two."}]
    assert done["usage"]["output_token_details"] == {"text_tokens": 3, "audio_tokens": 10}
    assert done["usage"]["total_tokens"] == 5 + 10 + 13
    deltas = [e["delta"] for e in stage.events if e["type"].endswith("transcript.delta")]
    assert deltas == ["One.", " Two."]
    assert stage.conversation.last_id == "item_1"
    added = next(e for e in stage.events if e["type"] == "conversation.item.added")
    assert (added["previous_item_id"], added["item"]["content"]) == ("item_0", [])


CALL = {"name": "ask", "call_id": "call_1", "arguments": '{"what": "it"}'}


def function_call() -> Item:
    return Item("item_2", "function_call", call=dict(CALL))


def test_a_function_call_follows_what_is_said() -> None:
    stage = Stage()
    stage.plan("One moment.", call=function_call())
    stage.spoken(0.2)
    assert stage.types()[-9:] == [
        "conversation.item.done",
        "response.output_item.done",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    added, delta, done = stage.events[-7], stage.events[-5], stage.events[-4]
    assert (added["output_index"], added["item"]["arguments"]) == (1, "")
    assert (delta["delta"], done["name"], done["call_id"]) == (CALL["arguments"], "ask", "call_1")
    message, call = stage.done()["output"]
    assert message["content"][0]["transcript"] == "One moment."
    assert {name: call[name] for name in CALL} == CALL
    assert stage.conversation.last_id == "item_2"


def test_a_response_that_is_stopped_makes_no_call() -> None:
    stage = Stage()
    stage.plan("One moment.", call=function_call())
    stage.cancel("turn_detected")
    assert [item["id"] for item in stage.done()["output"]] == ["item_1"]
    assert not any("function_call" in kind for kind in stage.types())
    assert stage.conversation.last_id == "item_1"


def test_every_event_of_a_written_answer_in_order() -> None:
    stage = Stage(modality="text")
    stage.plan("One.", "Two.")
    assert stage.types()[2:] == [
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert stage.done()["output"][0]["content"] == [{"type": "output_text", "text": "One. Two."}]
    assert not stage.asked


def test_out_of_band_leaves_the_conversation_alone() -> None:
    stage = Stage(conversation_id=None)
    stage.plan("One.")
    stage.spoken(0.1)
    assert not [kind for kind in stage.types() if kind.startswith("conversation.")]
    assert stage.conversation.last_id == "item_0"
    assert stage.done()["conversation_id"] is None


def test_audio_runs_ahead_of_real_time_but_not_far() -> None:
    stage = Stage()
    stage.plan("A long sentence.", "Another.")
    stage.spoken(10.0)
    assert stage.seconds_sent() == pytest.approx(LEAD, abs=0.21)
    stage.pass_time(4.0)
    assert stage.seconds_sent() == pytest.approx(LEAD + 4.0, abs=0.21)
    stage.spoken(1.0)
    stage.pass_time(20.0)
    assert stage.seconds_sent() == pytest.approx(11.0)
    assert stage.done()["status"] == "completed"


def test_one_sentence_is_made_ahead() -> None:
    stage = Stage()
    stage.plan("One.", "Two.", "Three.")
    assert [speech.sentence for speech in stage.asked] == ["One."]
    stage.spoken(5.0)
    assert [speech.sentence for speech in stage.asked] == ["Two."]
    stage.spoken(5.0)
    # The second is ready, but the first is not all sent.
    assert stage.asked == []
    stage.pass_time(3.0)
    assert [speech.sentence for speech in stage.asked] == ["Three."]


def test_speech_becomes_urgent_when_all_that_was_made_is_sent() -> None:
    stage = Stage()
    stage.plan("One.", "Two.", "Three.")
    (first,) = stage.asked
    assert stage.urgent == [first]
    stage.spoken(5.0)
    (second,) = stage.asked
    assert stage.urgent == [first]
    stage.pass_time(2.5)
    assert stage.urgent == [first, second]


def test_a_transcript_comes_with_its_audio() -> None:
    stage = Stage()
    stage.plan("One.", "Two.")
    stage.spoken(5.0)
    stage.spoken(5.0)
    assert stage.types().count("response.output_audio_transcript.delta") == 1
    stage.pass_time(3.0)
    assert stage.types().count("response.output_audio_transcript.delta") == 2


def test_prepared_speech_is_sent_at_once_if_it_fits() -> None:
    stage = Stage()
    prepared = Speech("One.", 1.0, AudioFormat.PCM, audio=bytes(9_600))
    stage.plan("One.", prepared=prepared)
    assert stage.asked == []
    assert stage.done()["status"] == "completed"


@pytest.mark.parametrize(
    "unfit",
    [
        Speech("Two.", 1.0, AudioFormat.PCM, audio=b"\0\0"),
        Speech("One.", 1.5, AudioFormat.PCM, audio=b"\0\0"),
        Speech("One.", 1.0, AudioFormat.PCMU, audio=b"\0\0"),
    ],
)
def test_prepared_speech_is_left_if_it_does_not_fit(unfit: Speech) -> None:
    stage = Stage()
    stage.plan("One.", prepared=unfit)
    assert [speech.sentence for speech in stage.asked] == ["One."]


def test_cancelled_while_speaking() -> None:
    stage = Stage()
    stage.plan("One.", "Two.")
    stage.spoken(10.0)
    stage.cancel("turn_detected")
    assert stage.asked == []
    assert stage.types()[-6:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    done = stage.done()
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["output"][0]["status"] == "incomplete"
    assert done["output"][0]["content"][0]["transcript"] == "One."
    before = len(stage.events)
    stage.cancel("client_cancelled")
    stage.pass_time(100)
    stage.advance()
    assert len(stage.events) == before


def test_cancelled_before_it_was_known_what_to_say() -> None:
    stage = Stage()
    stage.cancel("client_cancelled")
    assert stage.types() == ["response.created", "rate_limits.updated", "response.done"]
    assert stage.done()["output"] == []
    assert stage.conversation.last_id == "item_0"


def test_a_failure_is_told() -> None:
    stage = Stage()
    stage.plan("One.")
    stage.response.fail("no voice")
    stage._take()
    done = stage.done()
    assert done["status"] == "failed"
    assert done["status_details"]["error"]["message"] == "no voice"


def test_a_deleted_item_is_not_spoken_of() -> None:
    stage = Stage()
    stage.plan("One.", "Two.")
    stage.spoken(10.0)
    stage.conversation.delete("item_1")
    stage.cancel("client_cancelled")
    assert "conversation.item.done" not in stage.types()
    assert "response.output_item.done" in stage.types()


def test_a_budget_of_tokens_cuts_at_a_sentence() -> None:
    stage = Stage(modality="text", max_output_tokens=4)
    stage.plan("Eight ch.", "And more than that.")
    done = stage.done()
    assert done["status"] == "incomplete"
    assert done["status_details"]["reason"] == "max_output_tokens"
    assert done["output"][0]["content"][0]["text"] == "Eight ch."


def test_what_cannot_be_pronounced_is_passed_over() -> None:
    stage = Stage()
    stage.plan("…", "One.")
    stage.spoken(0)
    stage.spoken(0.2)
    assert stage.seconds_sent() == pytest.approx(0.2)
    assert stage.done()["status"] == "completed"


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.floats(0, 8), min_size=1, max_size=6),
    waits=st.lists(st.floats(0, 5), min_size=1, max_size=12),
    audio_format=st.sampled_from(list(AudioFormat)),
)
def test_all_is_sent_in_order_and_never_too_early(
    lengths: list[float], waits: list[float], audio_format: AudioFormat
) -> None:
    stage = Stage(format=audio_format)
    stage.plan(*(f"{index}." for index in range(len(lengths))))
    remaining, begin = list(lengths), None
    for turn in range(500):
        if stage.response.done:
            break
        if stage.asked:
            stage.spoken(remaining.pop(0))
        if begin is None and stage.seconds_sent():
            begin = stage.now
        if begin is not None:
            assert stage.seconds_sent() <= LEAD + 0.201 + stage.now - begin
        stage.pass_time(waits[turn % len(waits)] + 0.1)
    expected = sum(round(length * audio_format.rate) for length in lengths) / audio_format.rate
    assert stage.seconds_sent() == pytest.approx(expected)
    spoken = stage.done()["output"][0]["content"][0]["transcript"]
    assert spoken == " ".join(f"{index}." for index in range(len(lengths)))
