from gateway.agents.sets.retail import AGENTS


def test_callers_are_verified_first_and_everyone_can_be_reached() -> None:
    assert AGENTS.first.name == "authentication"
    assert "verify_caller" in [tool.name for tool in AGENTS.first.tools]
    names = {agent.name for agent in AGENTS.agents}
    for agent in AGENTS.agents:
        assert {agent.name, *agent.handoffs} == names
        assert agent.handoff_description
        assert "made up for a demonstration" in " ".join(agent.instructions.split())


def test_only_the_verified_hear_of_their_orders() -> None:
    for agent in AGENTS.agents:
        tools = {tool.name for tool in agent.tools}
        assert ("list_orders" in tools) == (agent.name == "returns")
