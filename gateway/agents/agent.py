"""Who answers: an agent, and the set of agents that share a call."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.agents.guardrails import Guardrail
from gateway.agents.tool import Tool
from gateway.agents.tool_source import ToolSource

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,47}")
"""With ``transfer_to_`` before it, it is still a function's name to OpenAI."""


class AgentSetError(ValueError):
    """An agent or a set of them that cannot work; one sentence says why."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One voice with one task.

    :ivar name: letters, digits, ``_`` and ``-``; what transcripts and hand-offs call it.
    :ivar voice: None: the gateway's default voice.
    :ivar handoffs: names of agents of its set that it may pass the call to.
    :ivar handoff_description: what others are told that it is for.
    :ivar direct_actions: what it may do without a tool, for the set's own instructions and checks.
    :ivar sources: where more of its tools come from, such as MCP servers; its own go before them.
    :raises AgentSetError: two of its tools have one name, or its own name cannot be used.
    """

    name: str
    instructions: str = field(repr=False)
    voice: str | None = None
    tools: tuple[Tool, ...] = ()
    handoffs: tuple[str, ...] = ()
    handoff_description: str = ""
    direct_actions: tuple[str, ...] = ()
    sources: tuple[ToolSource, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise AgentSetError(
                f"agent {self.name!r}: expected a name of letters, digits, _ and -, 48 at most"
            )
        if twice := _twice(tool.name for tool in self.tools):
            raise AgentSetError(f"agent {self.name}: two tools are named {twice}")


@dataclass(frozen=True, slots=True)
class AgentSet:
    """The agents of a call.

    :ivar entry: the name of the agent that takes the call.
    :ivar company_name: whom they speak for; guardrails judge by it.
    :ivar guardrails: judges of what its agents say.
    :raises AgentSetError: a name means two agents, or none.
    """

    name: str
    agents: tuple[Agent, ...]
    entry: str
    company_name: str
    guardrails: tuple[Guardrail, ...] = ()

    def __post_init__(self) -> None:
        if twice := _twice(agent.name for agent in self.agents):
            raise AgentSetError(f"agent set {self.name}: two agents are named {twice}")
        self._expect(self.entry, "its entry")
        for agent in self.agents:
            for handoff in agent.handoffs:
                self._expect(handoff, f"a hand-off of {agent.name}")

    def _expect(self, name: str, what: str) -> None:
        known = [agent.name for agent in self.agents]
        if name not in known:
            raise AgentSetError(
                f"agent set {self.name}: {what} is {name!r}; known: {', '.join(known) or 'nobody'}"
            )

    def agent(self, name: str) -> Agent:
        """:raises KeyError: there is none of that name."""
        for agent in self.agents:
            if agent.name == name:
                return agent
        raise KeyError(name)

    @property
    def first(self) -> Agent:
        """Who takes the call."""
        return self.agent(self.entry)


def _twice(names: Iterable[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)
