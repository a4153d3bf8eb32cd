from __future__ import annotations

from dataclasses import replace
from typing import Any

from openai.types.realtime import SessionUpdateEvent

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.tool import tool
from gateway.realtime import protocol
from gateway.session_settings import SERVER_VAD, SessionSettings


@tool
def ring() -> str:
    """Ring the bell."""
    return "ringing"


CLERK = Agent("clerk", "Take notes.")
AGENTS = AgentSet("desk", (CLERK,), "clerk", "Ink & Co")
SETTINGS = SessionSettings(AGENTS, voice="marin", transcription_model="recogniser")


def upstream(settings: SessionSettings, *, muted: bool = False) -> dict[str, Any]:
    return settings.upstream(CLERK, None, (), muted=muted)


def test_the_agent_speaks_unless_the_client_has_other_instructions() -> None:
    assert upstream(SETTINGS)["instructions"] == "Take notes."
    assert upstream(replace(SETTINGS, instructions="Sing."))["instructions"] == "Sing."


def test_an_agents_own_voice_goes_before_the_gateways() -> None:
    assert upstream(SETTINGS)["audio"]["output"]["voice"] == "marin"
    own = SETTINGS.upstream(CLERK, "ash", (), muted=False)
    assert own["audio"]["output"]["voice"] == "ash"


def test_the_model_is_told_of_tools_and_also_of_none() -> None:
    assert upstream(SETTINGS)["tools"] == []
    session = SETTINGS.upstream(CLERK, None, [ring], muted=False)
    assert session["tools"] == [ring.definition]
    update = SessionUpdateEvent.model_validate(protocol.session_update(session))
    assert update.session.type == "realtime"
    assert update.session.tools is not None


def test_a_muted_microphone_takes_no_turns() -> None:
    assert upstream(SETTINGS)["audio"]["input"]["turn_detection"] == SERVER_VAD
    assert upstream(SETTINGS, muted=True)["audio"]["input"]["turn_detection"] is None


def test_the_language_of_the_caller_helps_the_recognition() -> None:
    transcription = upstream(SETTINGS)["audio"]["input"]["transcription"]
    assert transcription == {"model": "recogniser"}
    korean = upstream(replace(SETTINGS, language="ko"))
    assert korean["audio"]["input"]["transcription"]["language"] == "ko"


def test_one_sessions_turn_detection_is_not_anothers() -> None:
    other = SessionSettings(AGENTS, voice="marin", transcription_model="recogniser")
    assert other.turn_detection is not SETTINGS.turn_detection
