from __future__ import annotations

from dataclasses import replace

from gateway.agents.agent import Agent, AgentSet
from gateway.session_settings import SERVER_VAD, SessionSettings

AGENTS = AgentSet("desk", (Agent("clerk", "Take notes."),), "clerk", "Ink & Co")
SETTINGS = SessionSettings(AGENTS, voice="marin", transcription_model="recogniser")


def test_the_agent_speaks_unless_the_client_has_other_instructions() -> None:
    assert SETTINGS.upstream(muted=False)["instructions"] == "Take notes."
    asked = replace(SETTINGS, instructions="Sing.")
    assert asked.upstream(muted=False)["instructions"] == "Sing."


def test_an_agents_own_voice_goes_before_the_gateways() -> None:
    assert SETTINGS.upstream(muted=False)["audio"]["output"]["voice"] == "marin"
    clerk = Agent("clerk", "Take notes.", voice="ash")
    own = replace(SETTINGS, agents=AgentSet("desk", (clerk,), "clerk", "Ink & Co"))
    assert own.upstream(muted=False)["audio"]["output"]["voice"] == "ash"


def test_a_muted_microphone_takes_no_turns() -> None:
    assert SETTINGS.upstream(muted=False)["audio"]["input"]["turn_detection"] == SERVER_VAD
    assert SETTINGS.upstream(muted=True)["audio"]["input"]["turn_detection"] is None


def test_the_language_of_the_caller_helps_the_recognition() -> None:
    transcription = SETTINGS.upstream(muted=False)["audio"]["input"]["transcription"]
    assert transcription == {"model": "recogniser"}
    korean = replace(SETTINGS, language="ko").upstream(muted=False)
    assert korean["audio"]["input"]["transcription"]["language"] == "ko"


def test_one_sessions_turn_detection_is_not_anothers() -> None:
    other = SessionSettings(AGENTS, voice="marin", transcription_model="recogniser")
    assert other.turn_detection is not SETTINGS.turn_detection
