import base64
from typing import Any

import pytest

from gateway.local_model import server_events as events
from tests.gateway.local_model.desk import check_event

PART = events.OutputPart("resp_1", "item_1")
ITEM = {"id": "item_1", "type": "message", "role": "assistant", "status": "completed"}
MESSAGE = ITEM | {"content": [{"type": "output_audio", "transcript": "hi"}]}
RESPONSE = {"id": "resp_1", "object": "realtime.response", "status": "completed", "output": []}
SPEECH = {"type": "audio", "transcript": "hi"}

ALL = [
    events.session_created({"type": "realtime"}),
    events.session_updated({"type": "realtime"}),
    events.error("code", "message", "param", "event_1"),
    events.error("code", "message", None, None, "server_error"),
    events.speech_started("item_1", 0),
    events.speech_stopped("item_1", 10),
    events.timeout_triggered("item_1", 0, 10),
    events.committed("item_1", None),
    events.cleared(),
    events.item_added(MESSAGE, None),
    events.item_done(MESSAGE, "item_0"),
    events.item_retrieved(MESSAGE),
    events.item_deleted("item_1"),
    events.item_truncated("item_1", 0, 10),
    events.transcription_delta("item_1", 0, "hi"),
    events.transcription_completed("item_1", 0, "hi", 1.0),
    events.transcription_failed("item_1", 0, "no"),
    events.response_created(RESPONSE),
    events.response_done(RESPONSE),
    events.rate_limits_updated([]),
    events.output_item_added("resp_1", MESSAGE),
    events.output_item_done("resp_1", MESSAGE),
    PART.added(SPEECH),
    PART.done(SPEECH),
    PART.audio_delta(b"\0\1"),
    PART.audio_done(),
    PART.transcript_delta("hi"),
    PART.transcript_done("hi"),
    PART.text_delta("hi"),
    PART.text_done("hi"),
]


@pytest.mark.parametrize("event", ALL, ids=lambda event: event["type"])
def test_it_is_an_event_of_openais(event: dict[str, Any]) -> None:
    check_event({"event_id": "event_1", **event})


def test_what_clients_stumble_over_when_it_is_missing() -> None:
    delta = PART.audio_delta(b"\0\1")
    assert base64.b64decode(delta["delta"]) == b"\0\1"
    for key in ("response_id", "item_id", "output_index", "content_index"):
        assert key in delta
    assert "usage" in events.transcription_completed("item_1", 0, "hi", 1.0)
    assert events.error("c", "m", None, "mine")["error"]["event_id"] == "mine"
