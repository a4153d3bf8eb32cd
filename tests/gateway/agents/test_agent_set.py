import pytest

from gateway.agents.agent_set import AGENT_SETS, AgentSet


@pytest.mark.parametrize("agents", AGENT_SETS.values(), ids=lambda agents: agents.name)
def test_every_set_has_someone_to_take_the_call(agents: AgentSet) -> None:
    assert agents.entry.name.isidentifier()
    assert len(agents.entry.instructions) > 100
    assert AGENT_SETS[agents.name] is agents


def test_the_junior_admits_what_it_cannot_look_up() -> None:
    instructions = AGENT_SETS["chat_supervisor"].entry.instructions
    assert "NewTelco" in instructions
    assert "you have no access to them" in instructions
    assert "Answer in the language that the caller speaks." in instructions
