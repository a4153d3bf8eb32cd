from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from openai.types.realtime import RealtimeClientEvent

from gateway.realtime.client_events import CLIENT_EVENTS, ClientEventError, parse


def test_every_event_of_the_openai_package_is_known() -> None:
    (union, *_) = get_args(RealtimeClientEvent)
    types = {get_args(event.model_fields["type"].annotation)[0] for event in get_args(union)}
    assert types == set(CLIENT_EVENTS)


def test_fields_that_are_unknown_here_pass() -> None:
    event = {"type": "response.create", "response": {"new": 1}, "newer": 2}
    assert parse(json.dumps(event)) == event


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": 1}, "invalid_value", "type"),
        ({"type": "response.dance"}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": []}, "invalid_type", "session"),
        ({"type": "input_audio_buffer.append", "audio": 1}, "invalid_type", "audio"),
        (
            {"type": "conversation.item.create", "item": {}},
            "missing_required_parameter",
            "item.type",
        ),
        (
            {
                "type": "conversation.item.truncate",
                "item_id": "a",
                "content_index": 0,
                "audio_end_ms": True,
            },
            "invalid_type",
            "audio_end_ms",
        ),
        (
            {
                "type": "conversation.item.truncate",
                "item_id": "a",
                "content_index": -1,
                "audio_end_ms": 1,
            },
            "invalid_value",
            "content_index",
        ),
        ({"type": "response.create", "event_id": "x" * 513}, "invalid_value", "event_id"),
    ],
)
def test_a_mistake_names_its_parameter(event: Any, code: str, param: str) -> None:
    with pytest.raises(ClientEventError) as caught:
        parse(json.dumps({"event_id": "mine", **event}))
    assert (caught.value.code, caught.value.param) == (code, param)
    assert caught.value.event_id == event.get("event_id", "mine")


@pytest.mark.parametrize(
    "message", [b"{}", "", "{", "[]", "1", '{"type": NaN}', '{"type": 1e999}', "[" * 9_000]
)
def test_what_is_no_event_is_refused(message: str | bytes) -> None:
    with pytest.raises(ClientEventError) as caught:
        parse(message)
    assert caught.value.code == "invalid_json"


def test_more_than_is_read_at_once_is_refused() -> None:
    with pytest.raises(ClientEventError) as caught:
        parse(f'{{"type": "response.create", "x": [{"0, " * 20_000}0]}}')
    assert caught.value.code == "invalid_value"


def test_depth_is_bounded() -> None:
    session: Any = {}
    for _ in range(70):
        session = {"a": [session]}
    with pytest.raises(ClientEventError):
        parse(json.dumps({"type": "session.update", "session": session}))
