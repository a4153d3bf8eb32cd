"""The front desk with a supervisor who takes 3 s to think, in a file that operators may name."""

import asyncio
from collections.abc import Sequence

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.sets.chat_supervisor import FILLERS, JUNIOR, SUPERVISOR
from gateway.agents.supervisor import supervisor_tool
from gateway.agents.telecom.lookups import LOOKUPS
from gateway.agents.telecom.rules import RuleSupervisor
from gateway.agents.text_model import Brief, Result, Step, Thought

SECONDS = 3.0


class SlowThought:
    def __init__(self, thought: Thought) -> None:
        self._thought = thought

    async def step(self, results: Sequence[Result] = ()) -> Step:
        if not results:
            await asyncio.sleep(SECONDS)
        return await self._thought.step(results)


class SlowSupervisor:
    def think(self, brief: Brief) -> SlowThought:
        return SlowThought(RuleSupervisor().think(brief))


AGENTS = AgentSet(
    name="slow_desk",
    agents=(
        Agent(
            "chatAgent",
            JUNIOR,
            tools=(supervisor_tool(SUPERVISOR, LOOKUPS, SlowSupervisor(), FILLERS),),
        ),
    ),
    entry="chatAgent",
    company_name="NewTelco",
)
