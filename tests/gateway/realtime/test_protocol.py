import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from gateway.core.tool_calls import ToolCall, ToolOutput
from gateway.realtime import protocol

_CLIENT_EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)


@given(st.binary(max_size=4000))
def test_an_append_built_by_hand_is_the_json_it_claims_to_be(pcm: bytes) -> None:
    event = json.loads(protocol.append_frame(pcm))
    assert event["type"] == "input_audio_buffer.append"
    assert base64.b64decode(event["audio"], validate=True) == pcm


@pytest.mark.parametrize(
    "event",
    [
        protocol.session_update(
            protocol.audio_session(
                instructions="Be kind.",
                voice="marin",
                transcription_model="gpt-4o-transcribe",
                turn_detection={"type": "server_vad", "threshold": 0.5},
                language="en",
            )
        ),
        protocol.turn_detection_update(None),
        protocol.commit(),
        protocol.clear(),
        protocol.message_item("user", "hello", "item_1"),
        protocol.message_item("assistant", "hello"),
        protocol.message_item("user", "hello", "item_2", protocol.ROOT),
        protocol.append(b"\1\0"),
        protocol.delete_item("item_1"),
        protocol.truncate_item("item_1", 0, 1200),
        protocol.create_response("event_1", {}),
        protocol.create_response("event_1", {"instructions": "greet"}),
        protocol.create_response("event_1", protocol.say_exactly("One moment.")),
        protocol.function_call_item(ToolCall("call_1", "find", "{}", "item_3")),
        protocol.function_output_item(ToolOutput("call_1", "found", "item_4"), "item_3"),
        protocol.cancel_response("resp_1"),
    ],
    ids=lambda event: event["type"],
)
def test_every_client_event_is_one_of_openais(event: protocol.Event) -> None:
    parsed = _CLIENT_EVENTS.validate_json(protocol.encode(event))
    assert parsed.type == event["type"]


def test_beta_names_are_read_and_others_left_alone() -> None:
    assert protocol.normalise({"type": "response.audio.done", "x": 1}) == {
        "type": "response.output_audio.done",
        "x": 1,
    }
    event = {"type": "rate_limits.updated"}
    assert protocol.normalise(event) is event


@pytest.mark.parametrize(
    ("session", "seconds"),
    [
        ({"expires_at": 1_600}, 600),
        ({"expires_at": 1_000}, None),
        ({"expires_at": "soon"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_end_that_a_server_tells(session: Any, seconds: float | None) -> None:
    event = {"type": "session.created", "session": session}
    assert protocol.expires_in(event, 1_000.0) == seconds


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [
        ("input_audio_buffer.speech_started", True),
        ("response.done", True),
        ("conversation.item.input_audio_transcription.delta", True),
        ("conversation.item.added", False),
        ("session.updated", False),
        ("rate_limits.updated", False),
    ],
)
def test_what_means_that_somebody_spoke(kind: str, is_one: bool) -> None:
    assert protocol.is_sign_of_life(kind) is is_one


_CALL = {"call_id": "call_1", "name": "find", "arguments": "{}"}
_ITEM = {"id": "item_3", "type": "function_call", "status": "completed", **_CALL}


@pytest.mark.parametrize(
    "event",
    [
        {
            "type": "response.function_call_arguments.done",
            "response_id": "resp_1",
            "item_id": "item_3",
            **_CALL,
        },
        {"type": "response.output_item.done", "response_id": "resp_1", "item": _ITEM},
        {"type": "response.done", "response": {"id": "resp_1", "output": [_ITEM]}},
    ],
    ids=lambda event: event["type"],
)
def test_a_call_is_told_in_three_ways(event: protocol.Event) -> None:
    call = ToolCall("call_1", "find", "{}", "item_3")
    assert list(protocol.function_calls(event)) == [("resp_1", call)]


@pytest.mark.parametrize(
    "item",
    [
        {**_ITEM, "status": "incomplete"},
        {**_ITEM, "call_id": None},
        {**_ITEM, "arguments": {}},
        {"type": "message", "id": "item_3"},
        "item_3",
    ],
)
def test_what_is_no_whole_call_is_none(item: Any) -> None:
    for event in (
        {"type": "response.output_item.done", "response_id": "resp_1", "item": item},
        {"type": "response.done", "response": {"id": "resp_1", "output": [item]}},
    ):
        assert list(protocol.function_calls(event)) == []


def test_a_response_says_something_or_nothing() -> None:
    def done(**response: Any) -> protocol.Event:
        return {"type": "response.done", "response": {"id": "resp_1", **response}}

    message = {"type": "message", "id": "item_1"}
    assert protocol.response_id(done()) == "resp_1"
    assert protocol.response_id({"type": "response.done", "response": 5}) == ""
    assert protocol.said_nothing(done(status="completed", output=[_ITEM]))
    assert not protocol.said_nothing(done(status="completed", output=[_ITEM, message]))
    assert not protocol.said_nothing(done(status="cancelled", output=[_ITEM]))


def test_clients_are_not_told_what_is_the_agents_alone() -> None:
    session = {"type": "realtime", "voice": "v", "instructions": "secret", "tools": [{}]}
    updated = {"type": "session.updated", "session": session}
    assert protocol.for_client(updated)["session"] == {"type": "realtime", "voice": "v"}
    item = {"type": "function_call_output", "call_id": "call_1", "output": "secret"}
    added = protocol.for_client({"type": "conversation.item.added", "item": item})
    assert added["item"] == {**item, "output": ""}
    assert session["instructions"] == item["output"] == "secret"
    told = protocol.message_item("system", "secret", "item_1")["item"]
    added = protocol.for_client({"type": "conversation.item.added", "item": told})
    assert added["item"] == {**told, "content": []}
    other = {"type": "response.created", "response": {"id": "resp_1"}}
    assert protocol.for_client(other) is other
