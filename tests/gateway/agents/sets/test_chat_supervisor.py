from gateway.agents.call_tools import pass_to_person
from gateway.agents.sets.chat_supervisor import AGENTS, DIRECT, FILLERS, JUNIOR
from gateway.agents.supervisor import NAME
from gateway.local_model import front_desk


def test_the_junior_has_the_supervisor_and_for_callers_who_want_it_a_person() -> None:
    tool, person = AGENTS.first.tools
    assert person is pass_to_person
    assert person.name in JUNIOR
    assert tool.name == NAME == front_desk.SUPERVISOR
    assert tool.parameters["required"] == ["relevantContextFromLastUserMessage"]
    assert tool.filler == FILLERS


def test_the_junior_is_told_what_to_do_directly_and_what_to_say_before_asking() -> None:
    assert all(action in JUNIOR for action in DIRECT)
    assert all(phrase in JUNIOR for phrase in FILLERS)
    assert NAME in JUNIOR
