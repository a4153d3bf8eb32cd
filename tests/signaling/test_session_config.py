"""Session objects as applications send them: GA, the beta's, and what is neither."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.beta.realtime import Session as BetaSession
from openai.types.realtime import RealtimeSessionCreateRequest

from gateway.core.events import ErrorCode, GatewayError
from signaling.session_config import MAX_DEPTH, MAX_TOOLS, SessionConfig, beta_fields

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
GA: dict[str, Any] = {
    "type": "realtime",
    "model": "some-model",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": "some-recogniser", "language": "ko"},
            "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "cedar", "speed": 1.1},
    },
    "tools": [TOOL],
    "tool_choice": "auto",
    "truncation": "auto",
    "a_field_of_next_year": {"kept": [True, None, 1.5]},
}
BETA: dict[str, Any] = {
    "model": "some-model",
    "modalities": ["text", "audio"],
    "instructions": "Be brief.",
    "voice": "cedar",
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "pcm16",
    "input_audio_transcription": {"model": "some-recogniser"},
    "turn_detection": {"type": "server_vad", "threshold": 0.4},
    "max_response_output_tokens": 500,
    "temperature": 0.8,
    "tools": [TOOL],
}


def test_a_ga_session_is_kept_whole() -> None:
    config = SessionConfig.parse({**GA, "agentSet": "haiku", "control": "passthrough"})
    assert config.session == GA
    assert (config.agent_set, config.control) == ("haiku", "passthrough")
    assert (config.model, config.voice, config.instructions) == ("some-model", "cedar", "Be brief.")
    RealtimeSessionCreateRequest.model_validate({**config.session}, strict=True)


def test_what_the_gateway_s_own_agents_make_of_it() -> None:
    assert SessionConfig.parse(GA).settings() == {
        "instructions": "Be brief.",
        "voice": "cedar",
        "transcription_model": "some-recogniser",
        "language": "ko",
        "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
    }
    assert SessionConfig.parse(None).settings() == {}
    push_to_talk = {"audio": {"input": {"turn_detection": None}}}
    assert SessionConfig.parse(push_to_talk).settings() == {"turn_detection": None}


def test_a_beta_session_is_taken_for_the_ga_session_that_it_means() -> None:
    session = SessionConfig.parse(BETA).session
    assert session == {
        "model": "some-model",
        "instructions": "Be brief.",
        "tools": [TOOL],
        "output_modalities": ["audio"],
        "max_output_tokens": 500,
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "some-recogniser"},
                "turn_detection": {"type": "server_vad", "threshold": 0.4},
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "cedar"},
        },
    }
    RealtimeSessionCreateRequest.model_validate({**session, "type": "realtime"}, strict=True)
    told = beta_fields(session)
    left_out = {"temperature", "model", "instructions", "tools"}
    assert sorted(told.pop("modalities")) == ["audio", "text"]
    assert {**told, "modalities": ["text", "audio"]} == {
        name: value for name, value in BETA.items() if name not in left_out
    }
    BetaSession.model_validate(beta_fields(session))


def test_where_both_names_are_given_the_ga_one_holds_and_nothing_given_is_changed() -> None:
    given = {"voice": "ash", "audio": {"output": {"voice": "cedar"}, "input": None}}
    before = {"voice": "ash", "audio": {"output": {"voice": "cedar"}, "input": None}}
    assert SessionConfig.parse({**given, "turn_detection": None}).voice == "cedar"
    assert given == before


def test_it_can_be_written_down() -> None:
    config = SessionConfig.parse({**GA, "instructions": "짧게 말해.", "agentSet": "haiku"})
    assert SessionConfig.decode(config.encode()) == config


def deep(levels: int) -> Any:
    return {"deep": deep(levels - 1)} if levels else None


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (7, ErrorCode.BAD_REQUEST),
        ([], ErrorCode.BAD_REQUEST),
        ({"type": "transcription"}, ErrorCode.BAD_REQUEST),
        ({"control": "mine"}, ErrorCode.BAD_REQUEST),
        ({"agentSet": 7}, ErrorCode.BAD_REQUEST),
        ({"model": ""}, ErrorCode.BAD_REQUEST),
        ({"model": "x" * 257}, ErrorCode.TOO_LARGE),
        ({"instructions": ["Be brief."]}, ErrorCode.BAD_REQUEST),
        ({"instructions": "\ud800"}, ErrorCode.BAD_REQUEST),
        ({"tools": [{**TOOL, "description": "\udc00"}]}, ErrorCode.BAD_REQUEST),
        ({"audio": 7}, ErrorCode.BAD_REQUEST),
        ({"audio": {"output": {"voice": 7}}}, ErrorCode.BAD_REQUEST),
        ({"audio": {"input": {"format": {"type": "audio/mp3"}}}}, ErrorCode.BAD_REQUEST),
        ({"audio": {"input": {"format": "pcm16"}}}, ErrorCode.BAD_REQUEST),
        ({"audio": {"input": {"turn_detection": "server_vad"}}}, ErrorCode.BAD_REQUEST),
        ({"audio": {"input": {"turn_detection": {"type": "x"}}}}, ErrorCode.BAD_REQUEST),
        ({"modalities": 7}, ErrorCode.BAD_REQUEST),
        ({"output_modalities": ["smell"]}, ErrorCode.BAD_REQUEST),
        ({"input_audio_format": "mp3"}, ErrorCode.BAD_REQUEST),
        ({"voice": "cedar", "audio": []}, None),
        ({"voice": "cedar", "audio": [1]}, ErrorCode.BAD_REQUEST),
        ({"tools": {}}, ErrorCode.BAD_REQUEST),
        ({"tools": [7]}, ErrorCode.BAD_REQUEST),
        ({"tools": [{"type": "shell"}]}, ErrorCode.BAD_REQUEST),
        ({"tools": [{"type": "function"}]}, ErrorCode.BAD_REQUEST),
        ({"tools": [TOOL] * (MAX_TOOLS + 1)}, ErrorCode.TOO_LARGE),
        (deep(MAX_DEPTH), None),
        (deep(MAX_DEPTH + 1), ErrorCode.BAD_REQUEST),
    ],
)
def test_what_is_no_session_is_refused(session: Any, code: ErrorCode | None) -> None:
    if code is None:
        SessionConfig.parse(session)
        return
    with pytest.raises(GatewayError) as caught:
        SessionConfig.parse(session)
    assert caught.value.code is code
