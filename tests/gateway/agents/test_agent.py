from __future__ import annotations

from typing import Any

import pytest

from gateway.agents.agent import Agent, AgentSet, AgentSetError
from gateway.agents.tool import tool


@tool
def ring() -> str:
    """Ring the bell."""
    return "ringing"


def agent_set(*agents: Agent, entry: str = "front") -> AgentSet:
    return AgentSet("desk", agents, entry, "Bell & Sons")


def test_the_entry_agent_takes_the_call() -> None:
    front, back = Agent("front", "Greet.", handoffs=("back",)), Agent("back", "Search.")
    agents = agent_set(front, back)
    assert agents.first is front
    assert agents.agent("back") is back
    with pytest.raises(KeyError):
        agents.agent("roof")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "two words"}, "agent 'two words': expected a name of letters, digits, _ and -"),
        ({"name": "a" * 49}, "48 at most"),
        ({"name": "front", "tools": (ring, ring)}, "agent front: two tools are named ring"),
    ],
)
def test_an_agent_that_cannot_work_says_why(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AgentSetError) as refused:
        Agent(instructions="Greet.", **fields)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("agents", "complaint"),
    [
        ([], "agent set desk: its entry is 'front'; known: nobody"),
        ([Agent("front", "a"), Agent("front", "b")], "agent set desk: two agents are named front"),
        (
            [Agent("front", "a", handoffs=("roof",))],
            "agent set desk: a hand-off of front is 'roof'; known: front",
        ),
    ],
)
def test_a_set_that_cannot_work_says_why(agents: list[Agent], complaint: str) -> None:
    with pytest.raises(AgentSetError) as refused:
        agent_set(*agents)
    assert str(refused.value) == complaint


def test_an_agents_instructions_stay_out_of_logs() -> None:
    assert "Greet" not in repr(Agent("front", "Greet."))
