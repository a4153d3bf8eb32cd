"""What a session asks of its model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.text_model import TextModel
from gateway.agents.tool import Tool
from gateway.core.control import Control
from gateway.realtime import protocol

SERVER_VAD: Mapping[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
}


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a session asks of its model. ``turn_detection`` None: push-to-talk. ``text_model``: what
    its agents may ask besides; None: there is none. ``context``: what every agent is told after its
    instructions. ``client_tools``: those that the client runs,
    besides the agents' own. ``client_session``: what it asks for where it runs the session.
    """

    agents: AgentSet
    voice: str
    transcription_model: str
    instructions: str | None = None
    context: str = ""
    language: str | None = None
    turn_detection: Mapping[str, Any] | None = field(default_factory=lambda: dict(SERVER_VAD))
    text_model: TextModel | None = None
    control: Control = Control.AGENTS
    client_tools: tuple[Mapping[str, Any], ...] = ()
    client_session: Mapping[str, Any] = field(default_factory=dict)

    @property
    def client_tool_names(self) -> frozenset[str]:
        """Tools whose calls are the client's to answer."""
        return frozenset(tool["name"] for tool in self.client_tools)

    def upstream(
        self, agent: Agent, voice: str | None, tools: Iterable[Tool], *, muted: bool
    ) -> dict[str, Any]:
        """The model's ``session`` object; a muted microphone takes no turns.

        :param voice: an agent's own; None: the session's.
        """
        instructions = self.instructions or agent.instructions
        return protocol.audio_session(
            instructions=f"{instructions}\n\n{self.context}" if self.context else instructions,
            tools=[*(tool.definition for tool in tools), *self.client_tools],
            voice=voice or self.voice,
            transcription_model=self.transcription_model,
            turn_detection=None if muted else self.turn_detection,
            language=self.language,
        )
