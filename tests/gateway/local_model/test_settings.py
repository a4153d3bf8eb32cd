from typing import Any

import pytest
from openai.types.realtime import RealtimeSessionCreateRequest
from pydantic import ValidationError

from gateway.local_model.audio import AudioFormat
from gateway.local_model.settings import SemanticVad, ServerVad, SessionSettings
from gateway.local_model.vad import VadSettings


def changed(**change: Any) -> SessionSettings:
    return SessionSettings().updated(change)


def test_defaults_are_openais() -> None:
    settings = SessionSettings()
    assert settings.output_modalities == ["audio"]
    assert settings.input_format is settings.output_format is AudioFormat.PCM
    assert settings.audio.input.transcription is None
    detection = settings.audio.input.turn_detection
    assert isinstance(detection, ServerVad)
    assert detection.vad == VadSettings(0.5, 300, 500)
    assert detection.create_response
    assert detection.interrupt_response


def test_every_setting_is_openais() -> None:
    RealtimeSessionCreateRequest.model_validate(
        SessionSettings().model_dump(mode="json"), strict=True
    )


def test_only_what_is_present_changes() -> None:
    settings = changed(
        audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.8}}}
    )
    settings = settings.updated({"instructions": "hello"})
    settings = settings.updated({"audio": {"input": {"turn_detection": {"threshold": 0.7}}}})
    settings = settings.updated({"audio": {"output": {"speed": 1.2}}})
    detection = settings.audio.input.turn_detection
    assert isinstance(detection, ServerVad)
    assert (detection.threshold, detection.silence_duration_ms) == (0.7, 500)
    assert settings.instructions == "hello"
    assert settings.audio.output.speed == 1.2
    assert settings.audio.output.voice == "marin"


def test_another_type_replaces() -> None:
    settings = changed(
        audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.8}}}
    )
    settings = settings.updated(
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}}}
    )
    detection = settings.audio.input.turn_detection
    assert isinstance(detection, SemanticVad)
    assert detection.vad.silence_duration_ms == 300
    assert detection.idle_timeout_ms is None
    settings = settings.updated({"audio": {"input": {"turn_detection": None}}})
    assert settings.audio.input.turn_detection is None


@pytest.mark.parametrize(
    ("kind", "audio_format"), [("audio/pcmu", AudioFormat.PCMU), ("audio/pcma", AudioFormat.PCMA)]
)
def test_formats(kind: str, audio_format: AudioFormat) -> None:
    settings = changed(
        audio={"input": {"format": {"type": kind}}, "output": {"format": {"type": kind}}}
    )
    assert settings.input_format is settings.output_format is audio_format
    dumped = settings.model_dump(mode="json")
    assert dumped["audio"]["output"]["format"] == {"type": kind}


def test_what_the_official_clients_send_is_taken() -> None:
    settings = changed(
        type="realtime",
        model="gpt-realtime-2.1",
        instructions="Be kind.",
        output_modalities=["audio"],
        tools=[{"type": "function", "name": "f", "description": "", "parameters": {}}],
        tool_choice="auto",
        parallel_tool_calls=True,
        max_output_tokens="inf",
        tracing={"workflow_name": "w"},
        prompt={"id": "p", "variables": {}},
        reasoning={"effort": "low"},
        truncation={"type": "retention_ratio", "retention_ratio": 0.5},
        include=["item.input_audio_transcription.logprobs"],
        audio={
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "noise_reduction": {"type": "near_field", "strength": 0.5},
                "transcription": {"model": "gpt-4o-mini-transcribe", "language": "en"},
                "turn_detection": {
                    "type": "semantic_vad",
                    "interrupt_response": True,
                    "model_version": "default",
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": {"id": "v"}},
        },
    )
    assert settings.tools[0]["name"] == "f"
    assert "model_version" not in settings.model_dump()["audio"]["input"]["turn_detection"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"type": "transcription"}, ("type",)),
        ({"colour": "red"}, ("colour",)),
        ({"audio": {"input": {"rate": 1}}}, ("audio", "input", "rate")),
        ({"output_modalities": ["text", "audio"]}, ("output_modalities",)),
        ({"audio": {"output": {"speed": 9.0}}}, ("audio", "output", "speed")),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
            ("audio", "input", "format", "audio/pcm", "rate"),
        ),
        (
            {"audio": {"input": {"turn_detection": {"threshold": float("nan")}}}},
            ("audio", "input", "turn_detection", "server_vad", "threshold"),
        ),
        (
            {"audio": {"input": {"turn_detection": {"silence_duration_ms": "500"}}}},
            ("audio", "input", "turn_detection", "server_vad", "silence_duration_ms"),
        ),
    ],
)
def test_what_is_wrong_is_located(change: dict[str, Any], where: tuple[str, ...]) -> None:
    settings = SessionSettings()
    with pytest.raises(ValidationError) as caught:
        settings.updated(change)
    assert caught.value.errors()[0]["loc"] == where
    assert settings == SessionSettings()
