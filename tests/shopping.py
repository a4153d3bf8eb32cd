"""A call to a shop whose agents' tools wait for the test, and a model that calls them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.tool import ToolContext, ToolFailure, tool
from gateway.core.events import AgentEvent, Failed, Status, UpstreamEvent
from gateway.session import Session
from tests.calling_model import CallingLine, CallingModel
from tests.gateways import Ear, begin, live_sessions

PCM = b"\1\0" * 2400
"""A tenth of a second of voice."""


class Shop:
    """An agent whose tools wait for the test."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.doors = {"tea": asyncio.Event(), "milk": asyncio.Event()}
        self.cancelled: list[str] = []
        self.contexts: list[ToolContext] = []

        @tool
        async def find(item: str, context: ToolContext) -> dict[str, str]:
            """Find an item."""
            self.contexts.append(context)
            self.asked.set()
            try:
                if item in self.doors:
                    await self.doors[item].wait()
            except asyncio.CancelledError:
                self.cancelled.append(item)
                raise
            context.note({"type": "progress", "shelf": 3})
            context.annotate(citations=[item])
            return {"found": item}

        @tool
        def fail(how: str) -> None:
            """Fail."""
            if how == "politely":
                raise ToolFailure("the shelf is empty")
            raise KeyError("555-0100")

        @tool(timeout=0.05)
        async def dawdle() -> None:
            """Never answer."""
            await asyncio.Event().wait()

        @tool(filler=["One moment.", "Let me see."])
        async def ponder(context: ToolContext) -> str:
            """Think."""
            await self.doors["tea"].wait()
            return "thought"

        tools = (find, fail, dawdle, ponder)
        cook = Agent("cook", "Cook.", voice="ash", handoff_description="Knows recipes.")
        clerk = Agent("clerk", "Sell.", tools=tools, handoffs=("cook",))
        self.agents = AgentSet("shop", (clerk, cook), "clerk", "Tea & Co")


@contextlib.asynccontextmanager
async def shopping(
    shop: Shop | AgentSet, session_limit: float = 3600.0
) -> AsyncIterator[tuple[Session, Ear, CallingLine, CallingModel]]:
    agents = shop if isinstance(shop, AgentSet) else shop.agents
    async with (
        CallingModel() as model,
        live_sessions(model.url, agents=agents, session_limit=session_limit) as sessions,
    ):
        session, ear = begin(sessions)
        await ear.status(Status.CONNECTED)
        line = await model.calling_line()
        await line.wait_for("session.update")
        yield session, ear, line, model
        assert model.faults == []
        assert ear.of(Failed) == []


async def heard(ear: Ear, kind: str) -> None:
    """Until the gateway has taken in such an event of the model's."""
    await ear.wait(UpstreamEvent, lambda event: event.event["type"] == kind)


def kinds(ear: Ear) -> list[str]:
    return [event.event["type"] for event in ear.of(AgentEvent)]
