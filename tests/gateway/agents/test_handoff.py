from __future__ import annotations

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.handoff import handoff_tools
from gateway.agents.tool import ToolContext


async def test_each_colleague_is_a_tool() -> None:
    front = Agent("front", "Greet.", handoffs=("back", "roof"))
    back = Agent("back", "Search.", handoff_description="Finds what is lost.")
    agents = AgentSet("desk", (front, back, Agent("roof", "Look.")), "front", "Bell & Sons")
    switched: list[str] = []
    tools = handoff_tools(agents, front, switched.append)
    assert [tool.name for tool in tools] == ["transfer_to_back", "transfer_to_roof"]
    assert tools[0].description.endswith(
        "the agent back, who goes on with this call at once. Finds what is lost."
    )
    assert tools[0].parameters["required"] == ["rationale", "context"]
    result = await tools[0].run(
        {"rationale": "lost", "context": "a hat"}, ToolContext("s", "front")
    )
    assert switched == ["back"]
    assert result == {"agent": "back", "rationale": "lost", "context": "a hat"}
    assert handoff_tools(agents, back, switched.append) == ()
