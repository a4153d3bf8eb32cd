from gateway.agents.sets.chat_supervisor import AGENTS, DIRECT, FILLERS, JUNIOR
from gateway.agents.supervisor import NAME
from gateway.local_model import front_desk


def test_the_junior_has_the_supervisor_and_nothing_else() -> None:
    (tool,) = AGENTS.first.tools
    assert tool.name == NAME == front_desk.SUPERVISOR
    assert tool.parameters["required"] == ["relevantContextFromLastUserMessage"]
    assert tool.filler == FILLERS


def test_the_junior_is_told_what_to_do_directly_and_what_to_say_before_asking() -> None:
    assert all(action in JUNIOR for action in DIRECT)
    assert all(phrase in JUNIOR for phrase in FILLERS)
    assert NAME in JUNIOR
