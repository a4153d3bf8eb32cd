import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.local_model.client_events import (
    MOST_APPENDED,
    AudioAppend,
    ItemCreate,
    MessageItem,
    ProtocolError,
    ResponseCreate,
    SessionUpdate,
    decode_audio,
    parse,
)


def refused(message: str | bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        parse(message)
    return caught.value


def test_an_event_becomes_its_type() -> None:
    event = parse('{"type": "input_audio_buffer.append", "audio": "AAA=", "event_id": "e1"}')
    assert isinstance(event, AudioAppend)
    assert event.event_id == "e1"
    assert event.decoded() == b"\0\0"


def test_a_response_may_override_everything() -> None:
    event = parse(
        json.dumps(
            {
                "type": "response.create",
                "response": {
                    "conversation": "none",
                    "output_modalities": ["text"],
                    "instructions": "be brief",
                    "max_output_tokens": 100,
                    "metadata": {"topic": "a"},
                    "input": [{"type": "item_reference", "id": "item_1"}],
                    "tools": [],
                    "tool_choice": "none",
                    "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "marin"}},
                },
            }
        )
    )
    assert isinstance(event, ResponseCreate)
    assert event.response is not None
    assert event.response.conversation == "none"


def test_an_item_may_carry_fields_of_the_server() -> None:
    item = {"type": "message", "role": "user", "object": "realtime.item", "status": "completed"}
    content = [{"type": "input_text", "text": "hi"}]
    event = parse(
        json.dumps({"type": "conversation.item.create", "item": item | {"content": content}})
    )
    assert isinstance(event, ItemCreate)
    assert isinstance(event.item, MessageItem)
    assert event.item.content[0].text == "hi"


BAD: list[tuple[Any, str, str | None]] = [
    ("{", "invalid_json", None),
    ("[]", "invalid_json", None),
    ('"text"', "invalid_json", None),
    (b"{}", "invalid_json", None),
    ("[" * 100_000, "invalid_json", None),
    ('{"type": ' + "9" * 5_000 + "}", "invalid_json", None),
    ({}, "missing_required_parameter", "type"),
    ({"type": 7}, "invalid_value", "type"),
    ({"type": "response.audio"}, "invalid_value", "type"),
    ({"type": "response.cancel", "event_id": 3}, "invalid_type", "event_id"),
    ({"type": "response.cancel", "colour": "red"}, "unknown_parameter", "colour"),
    ({"type": "session.update"}, "missing_required_parameter", "session"),
    ({"type": "session.update", "session": []}, "invalid_type", "session"),
    ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    ({"type": "input_audio_buffer.append", "audio": 1}, "invalid_type", "audio"),
    ({"type": "conversation.item.create", "item": "x"}, "invalid_value", "item"),
    ({"type": "conversation.item.create", "item": {"type": "tune"}}, "invalid_value", "item"),
    (
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user"}},
        "missing_required_parameter",
        "item.content",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "smell"}]},
        },
        "invalid_value",
        "item.content[0].type",
    ),
    (
        {
            "type": "conversation.item.truncate",
            "item_id": "a",
            "content_index": 0,
            "audio_end_ms": 1.5,
        },
        "invalid_type",
        "audio_end_ms",
    ),
    (
        {
            "type": "conversation.item.truncate",
            "item_id": "a",
            "content_index": 0,
            "audio_end_ms": -1,
        },
        "invalid_value",
        "audio_end_ms",
    ),
    (
        {"type": "response.create", "response": {"conversation": "mine"}},
        "invalid_value",
        "response.conversation",
    ),
    (
        {"type": "response.create", "response": {"output_modalities": ["text", "audio"]}},
        "invalid_value",
        "response.output_modalities",
    ),
    (
        {"type": "response.create", "response": {"max_output_tokens": 0}},
        "invalid_value",
        "response.max_output_tokens",
    ),
    (
        {"type": "response.create", "response": {"volume": 11}},
        "unknown_parameter",
        "response.volume",
    ),
]


@pytest.mark.parametrize(("payload", "code", "param"), BAD)
def test_what_is_wrong_is_said(payload: Any, code: str, param: str | None) -> None:
    message = payload if isinstance(payload, str | bytes) else json.dumps(payload)
    error = refused(message)
    assert (error.code, error.param) == (code, param)
    assert error.message


def test_the_clients_event_id_comes_back() -> None:
    assert refused('{"type": "nonsense", "event_id": "mine"}').event_id == "mine"
    assert refused('{"type": "nonsense"}').event_id is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from(
        ["session.update", "conversation.item.create", "response.create", "response.cancel", ""]
    ),
)
def test_anything_is_an_event_or_a_protocol_error(payload: Any, kind: str) -> None:
    body = payload if isinstance(payload, dict) else {"item": payload, "response": payload}
    with contextlib.suppress(ProtocolError):
        parse(json.dumps(body | {"type": kind}))


@given(st.text())
def test_any_text_is_an_event_or_a_protocol_error(text: str) -> None:
    assert refused(text).code


@pytest.mark.parametrize("text", ["%%%", "AAA", "QUFB é", "A"])
def test_base64_is_checked(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_audio(text, "audio")
    assert caught.value.param == "audio"


def test_an_append_has_a_limit() -> None:
    assert len(decode_audio(base64.b64encode(bytes(MOST_APPENDED)).decode(), "audio"))
    with pytest.raises(ProtocolError) as caught:
        decode_audio(base64.b64encode(bytes(MOST_APPENDED + 2)).decode(), "audio")
    assert caught.value.code == "string_above_max_length"


def test_session_contents_are_left_to_the_settings() -> None:
    event = parse('{"type": "session.update", "session": {"anything": 1}}')
    assert isinstance(event, SessionUpdate)
