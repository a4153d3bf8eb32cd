"""Hand-offs: one agent passes the call to another of its set by calling a tool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.tool import Tool, tool

PREFIX = "transfer_to_"


def handoff_tools(
    agents: AgentSet, agent: Agent, switch: Callable[[str], None]
) -> tuple[Tool, ...]:
    """A tool for each agent that ``agent`` may pass the call to.

    :param switch: makes the agent of that name the one who answers.
    """
    return tuple(_handoff_tool(agents.agent(name), switch) for name in agent.handoffs)


def _handoff_tool(target: Agent, switch: Callable[[str], None]) -> Tool:
    async def transfer(
        rationale: Annotated[str, "Why this agent should take over."],
        context: Annotated[str, "What the caller wants, and what is known so far."],
    ) -> dict[str, str]:
        switch(target.name)
        return {"agent": target.name, "rationale": rationale, "context": context}

    transfer.__doc__ = (
        f"Pass the caller on to the agent {target.name}, who goes on with this call at once. "
        f"{target.handoff_description}".strip()
    )
    return tool(name=f"{PREFIX}{target.name}")(transfer)
