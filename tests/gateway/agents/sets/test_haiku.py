from gateway.agents.sets.haiku import AGENTS


def test_the_greeter_passes_callers_to_the_writer() -> None:
    assert AGENTS.first.name == "greeter"
    assert AGENTS.first.handoffs == ("haikuWriter",)
    assert AGENTS.agent("haikuWriter").handoff_description
