import base64
from typing import Any

import pytest

from tests.gateway.local_model.desk import Desk, quiet, voice


def test_a_session_begins_with_its_settings() -> None:
    desk = Desk()
    (created,) = desk.events
    assert created["type"] == "session.created"
    session = created["session"]
    assert session["id"].startswith("sess_")
    assert (session["type"], session["model"]) == ("realtime", "test-model")
    assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"


def test_settings_are_given_back() -> None:
    desk = Desk()
    (updated,) = desk.update(instructions="Be kind.", tools=[{"type": "function", "name": "f"}])
    assert updated["type"] == "session.updated"
    assert updated["session"]["instructions"] == "Be kind."
    assert updated["session"]["tools"][0]["name"] == "f"


def test_wrong_settings_change_nothing() -> None:
    desk = Desk()
    session = {"type": "realtime", "audio": {"input": {"turn_detection": {"threshold": 7}}}}
    (error,) = desk.send("session.update", session=session, event_id="mine")
    assert error["error"]["param"] == "session.audio.input.turn_detection.threshold"
    assert error["error"]["event_id"] == "mine"
    (updated,) = desk.update(instructions="x")
    assert updated["session"]["audio"]["input"]["turn_detection"]["threshold"] == 0.5


def test_items_are_created_in_their_place() -> None:
    desk = Desk()
    first = desk.say("one")[0]["item"]["id"]
    content = [{"type": "input_text", "text": "zero"}]
    item = {"id": "mine", "type": "message", "role": "user", "content": content}
    added, done = desk.send("conversation.item.create", item=item, previous_item_id="root")
    assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
    assert (added["item"]["id"], added["previous_item_id"]) == ("mine", None)
    item["id"] = "second"
    added, _ = desk.send("conversation.item.create", item=item, previous_item_id="mine")
    assert added["previous_item_id"] == "mine"
    assert desk.say("three")[0]["previous_item_id"] == first


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("conversation.item.retrieve", {"item_id": "x"}, "item_retrieve_invalid_item_id"),
        ("conversation.item.delete", {"item_id": "x"}, "item_delete_invalid_item_id"),
        (
            "conversation.item.truncate",
            {"item_id": "x", "content_index": 0, "audio_end_ms": 0},
            "item_truncate_invalid_item_id",
        ),
        ("response.cancel", {}, "response_cancel_not_active"),
        ("response.cancel", {"response_id": "x"}, "response_cancel_not_active"),
        ("output_audio_buffer.clear", {}, "invalid_value"),
        ("input_audio_buffer.commit", {}, "input_audio_buffer_commit_empty"),
    ],
)
def test_what_cannot_be_done_is_an_error(kind: str, fields: dict[str, Any], code: str) -> None:
    desk = Desk()
    (error,) = desk.send(kind, event_id="mine", **fields)
    assert error["error"]["code"] == code
    assert error["error"]["event_id"] == "mine"


def test_an_unknown_predecessor_adds_nothing() -> None:
    desk = Desk()
    item = {"id": "a", "type": "message", "role": "user", "content": []}
    desk.send("conversation.item.create", item=item, previous_item_id="x")
    assert desk.error()["code"] == "item_create_invalid_item_id"
    desk.send("conversation.item.retrieve", item_id="a")
    assert desk.error()["code"] == "item_retrieve_invalid_item_id"


def test_retrieve_and_delete() -> None:
    desk = Desk()
    desk.append(voice(1), quiet(1))
    item_id = desk.last("input_audio_buffer.committed")["item_id"]
    (retrieved,) = desk.send("conversation.item.retrieve", item_id=item_id)
    (content,) = retrieved["item"]["content"]
    assert len(base64.b64decode(content["audio"])) / 48_000 == pytest.approx(1.5, abs=0.05)
    assert desk.send("conversation.item.delete", item_id=item_id)[0]["item_id"] == item_id
    desk.send("conversation.item.delete", item_id=item_id)
    assert desk.error()["code"] == "item_delete_invalid_item_id"


def test_truncate() -> None:
    desk = Desk()
    desk.ask("Tell me a story.")
    desk.pass_time(4)
    item_id = desk.last("response.output_audio.delta")["item_id"]
    desk.send("response.cancel")
    (truncated,) = desk.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=4_000
    )
    assert truncated["audio_end_ms"] == 4_000
    (retrieved,) = desk.send("conversation.item.retrieve", item_id=item_id)
    (content,) = retrieved["item"]["content"]
    assert content["transcript"] is None
    assert len(base64.b64decode(content["audio"])) == 4 * 48_000
    desk.ask("Say that again.")
    desk.pass_time(60)
    # Only the sentence that was heard to its end.
    assert desk.spoken_text().endswith("I said: All right, here is a short story.")


def test_truncating_what_was_not_sent_is_an_error() -> None:
    desk = Desk()
    desk.ask("Thank you.")
    desk.pass_time(10)
    item_id = desk.last("response.output_audio.delta")["item_id"]
    desk.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=60_000)
    assert desk.error()["code"] == "item_truncate_invalid_item_id"


def test_a_session_ends() -> None:
    desk = Desk(longest=60.0)
    desk.pass_time(59)
    assert desk.hangup is None
    desk.pass_time(2)
    assert desk.error()["code"] == "session_expired"
    assert desk.hangup is not None
    # The connection may take a moment to close.
    desk.session.tick(desk.now + 1)
    assert list(desk.session.outputs()) == []


def test_the_voice_is_settled_by_the_first_audio() -> None:
    desk = Desk()
    desk.update(audio={"output": {"voice": "ash"}})
    desk.ask("Thank you.")
    desk.update(audio={"output": {"voice": "ash", "speed": 1.2}})
    assert "error" not in desk.types()
    desk.update(audio={"output": {"voice": "verse"}})
    assert desk.error()["code"] == "cannot_update_voice"
