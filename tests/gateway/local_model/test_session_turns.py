"""The caller's side of a session: audio in, turns and their answers out."""

import base64

import pytest

from gateway.local_model.audio import AudioFormat
from gateway.local_model.speech import Speech
from tests.gateway.local_model.desk import Desk, in_base64, quiet, voice


def test_a_spoken_turn() -> None:
    desk = Desk(hears="What are your opening hours?")
    desk.update_input(transcription={"model": "whisper-1"})
    desk.append(quiet(1), voice(2), quiet(1))
    desk.pass_time(30)
    kinds = desk.types()
    assert kinds[2:16] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
    ]
    assert kinds[-1] == "response.done"
    started, stopped = desk.events[2], desk.events[3]
    assert started["audio_start_ms"] == pytest.approx(700, abs=20)
    assert stopped["audio_end_ms"] == pytest.approx(3_500, abs=40)
    item_id = started["item_id"]
    assert {event["item_id"] for event in desk.events[3:5]} == {item_id}
    transcript = desk.last("conversation.item.input_audio_transcription.completed")
    assert transcript["item_id"] == item_id
    assert transcript["transcript"] == "What are your opening hours?"
    assert transcript["usage"]["seconds"] == pytest.approx(2.8, abs=0.05)
    assert "nine to six" in desk.spoken_text()
    usage = desk.last("response.done")["response"]["usage"]
    assert usage["input_token_details"]["audio_tokens"] == 28


def test_without_transcription_nothing_is_transcribed_but_all_is_understood() -> None:
    desk = Desk(hears="Tell me about my bill.")
    desk.append(voice(1), quiet(1))
    desk.pass_time(30)
    assert not [kind for kind in desk.types() if "input_audio_transcription" in kind]
    assert "forty two dollars" in desk.spoken_text()
    item_id = desk.last("input_audio_buffer.committed")["item_id"]
    (retrieved,) = desk.send("conversation.item.retrieve", item_id=item_id)
    assert retrieved["item"]["content"][0]["transcript"] is None


def test_the_answer_is_ready_when_the_turn_ends() -> None:
    desk = Desk(hears="What are your opening hours?")
    desk.works_at_once = False
    desk.append(voice(1), quiet(0.25))
    (piece,) = desk.waiting
    assert id(piece) not in desk.urgent
    desk.work()
    assert [type(work) for work in desk.waiting] == [Speech]
    desk.work()
    assert "response.created" not in desk.types()
    desk.append(quiet(0.5))
    assert desk.work_done == 2
    assert "response.output_audio.delta" in desk.types()


def test_what_was_prepared_is_dropped_when_the_caller_goes_on() -> None:
    said = ["What are your opening hours?", "What are your opening hours? Goodbye."]
    desk = Desk(hears=lambda _: said.pop(0))
    desk.append(voice(1), quiet(0.25), voice(1), quiet(1))
    desk.pass_time(30)
    assert desk.spoken_text().endswith("Goodbye!")


def test_recognition_under_way_becomes_urgent_when_the_turn_ends() -> None:
    desk = Desk()
    desk.works_at_once = False
    desk.append(voice(1), quiet(0.25))
    (piece,) = desk.waiting
    desk.append(quiet(0.5))
    assert id(piece) in desk.urgent
    assert desk.types()[-1] == "rate_limits.updated"
    desk.work()
    desk.work()
    assert "response.output_audio.delta" in desk.types()


def test_speech_interrupts_the_answer() -> None:
    desk = Desk()
    desk.ask("Tell me a story.")
    before = len(desk.events)
    desk.append(voice(0.5))
    kinds = [event["type"] for event in desk.events[before:]]
    assert kinds[0] == "input_audio_buffer.speech_started"
    assert kinds[-1] == "response.done"
    response = desk.last("response.done")["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"]["reason"] == "turn_detected"
    assert desk.waiting == []


def test_speech_does_not_interrupt_where_it_may_not() -> None:
    desk = Desk()
    desk.update_input(turn_detection={"type": "server_vad", "interrupt_response": False})
    desk.ask("Tell me a story.")
    desk.append(voice(0.5), quiet(1))
    assert "response.done" not in desk.types()
    assert desk.error()["code"] == "conversation_already_has_active_response"
    assert desk.error()["event_id"] is None


def test_no_response_is_made_where_none_is_wanted() -> None:
    desk = Desk()
    desk.update_input(turn_detection={"type": "server_vad", "create_response": False})
    desk.append(voice(1), quiet(1))
    assert desk.types()[-1] == "conversation.item.done"
    desk.send("response.create")
    desk.pass_time(30)
    assert desk.last("response.done")["response"]["status"] == "completed"


@pytest.mark.parametrize(("silence_ms", "stops"), [(200, True), (2_000, False)])
def test_silence_duration(silence_ms: int, stops: bool) -> None:
    desk = Desk()
    desk.update_input(turn_detection={"type": "server_vad", "silence_duration_ms": silence_ms})
    desk.append(voice(1), quiet(1))
    assert ("input_audio_buffer.speech_stopped" in desk.types()) == stops


def test_prefix_padding() -> None:
    desk = Desk()
    desk.update_input(turn_detection={"type": "server_vad", "prefix_padding_ms": 0})
    desk.append(quiet(1), voice(1))
    assert desk.last("input_audio_buffer.speech_started")["audio_start_ms"] == pytest.approx(
        1_000, abs=20
    )


def test_push_to_talk() -> None:
    desk = Desk(hears="Goodbye.")
    desk.update_input(turn_detection=None, transcription={"model": "whisper-1"})
    assert desk.append(voice(1), quiet(2)) == []
    kinds = [event["type"] for event in desk.send("input_audio_buffer.commit")]
    assert kinds == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    desk.send("response.create")
    desk.pass_time(10)
    assert desk.spoken_text().endswith("Goodbye!")


def test_a_response_waits_for_what_it_answers() -> None:
    desk = Desk(hears="Goodbye.")
    desk.works_at_once = False
    desk.update_input(turn_detection=None)
    desk.append(voice(1))
    desk.send("input_audio_buffer.commit")
    desk.send("response.create")
    assert desk.types()[-1] == "rate_limits.updated"
    desk.works_at_once = True
    desk.work()
    desk.pass_time(10)
    assert desk.spoken_text().endswith("Goodbye!")


def test_an_empty_commit_is_an_error() -> None:
    desk = Desk()
    desk.update_input(turn_detection=None)
    desk.append(voice(0.05))
    desk.send("input_audio_buffer.commit", event_id="c1")
    assert desk.error()["code"] == "input_audio_buffer_commit_empty"
    assert desk.error()["event_id"] == "c1"


def test_clear() -> None:
    desk = Desk()
    desk.update_input(turn_detection=None)
    desk.append(voice(1))
    assert [event["type"] for event in desk.send("input_audio_buffer.clear")] == [
        "input_audio_buffer.cleared"
    ]
    desk.send("input_audio_buffer.commit")
    assert desk.error()["code"] == "input_audio_buffer_commit_empty"


def test_clear_within_a_talkspurt() -> None:
    desk = Desk()
    desk.append(voice(1))
    desk.send("input_audio_buffer.clear")
    desk.append(quiet(1))
    assert "input_audio_buffer.speech_stopped" not in desk.types()
    desk.append(voice(1), quiet(1))
    assert "input_audio_buffer.speech_stopped" in desk.types()


def test_commit_within_a_talkspurt_uses_its_item() -> None:
    desk = Desk()
    desk.append(voice(1))
    started = desk.last("input_audio_buffer.speech_started")
    desk.send("input_audio_buffer.commit")
    assert desk.last("input_audio_buffer.committed")["item_id"] == started["item_id"]


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_g711_both_ways(kind: str) -> None:
    audio_format = AudioFormat(kind)
    desk = Desk(hears="Goodbye.")
    desk.update(audio={"input": {"format": {"type": kind}}, "output": {"format": {"type": kind}}})
    sound = in_base64(voice(1, 8_000), audio_format)
    desk.send("input_audio_buffer.append", audio=sound)
    desk.send("input_audio_buffer.append", audio=in_base64(quiet(1, 8_000), audio_format))
    desk.pass_time(10)
    assert desk.last("input_audio_buffer.speech_stopped")["audio_end_ms"] == pytest.approx(
        1_500, abs=50
    )
    item_id = desk.last("response.output_audio.done")["item_id"]
    # Six words of the pretended voice, a byte a sample.
    assert len(desk.audio_of(item_id)) == 6 * 2_000


def test_half_a_sample_is_refused() -> None:
    desk = Desk()
    desk.send("input_audio_buffer.append", audio="AAAA")
    assert desk.error()["param"] == "audio"


def test_a_full_buffer_is_said() -> None:
    desk = Desk()
    desk.update_input(turn_detection=None)
    megabytes = base64.b64encode(bytes(14 * 1024 * 1024)).decode()
    desk.send("input_audio_buffer.append", audio=megabytes)
    assert "error" not in desk.types()
    desk.send("input_audio_buffer.append", audio=megabytes)
    assert desk.error()["code"] == "input_audio_buffer_full"
    desk.send("input_audio_buffer.clear")
    desk.send("input_audio_buffer.append", audio=megabytes)
    assert desk.types().count("error") == 1


def test_idle_timeout() -> None:
    desk = Desk()
    desk.update_input(turn_detection={"type": "server_vad", "idle_timeout_ms": 6_000})
    desk.append(quiet(8))
    desk.ask("Thank you.")
    desk.pass_time(7)
    assert "input_audio_buffer.timeout_triggered" not in desk.types()
    desk.pass_time(2)
    triggered = desk.last("input_audio_buffer.timeout_triggered")
    assert triggered["audio_end_ms"] == pytest.approx(8_000, abs=5)
    assert desk.last("input_audio_buffer.committed")["item_id"] == triggered["item_id"]
    desk.pass_time(5)
    assert len(desk.all("response.done")) == 2


def test_a_failed_recognition_is_told_and_answered() -> None:
    desk = Desk()
    desk.update_input(transcription={"model": "whisper-1"})
    desk.works_at_once = False
    desk.append(voice(1), quiet(1))
    desk.works_at_once = True
    desk.fail(desk.waiting[0])
    desk.pass_time(10)
    assert "conversation.item.input_audio_transcription.failed" in desk.types()
    assert "did not catch" in desk.spoken_text()


def test_a_caller_who_speaks_is_not_idle() -> None:
    desk = Desk()
    desk.update_input(turn_detection={"type": "server_vad", "idle_timeout_ms": 6_000})
    desk.ask("Thank you.")
    desk.pass_time(4)
    desk.append(voice(1))
    desk.pass_time(20)
    assert "input_audio_buffer.timeout_triggered" not in desk.types()
