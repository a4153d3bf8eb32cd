from gateway.agents.sets.chat_supervisor import AGENTS


def test_the_junior_admits_what_it_cannot_look_up() -> None:
    instructions = AGENTS.first.instructions
    assert "NewTelco" in instructions
    assert "you have no access to them" in instructions
    assert "Answer in the language that the caller speaks." in instructions
