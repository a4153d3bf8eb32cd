from gateway.session_agents import SessionAgents
from gateway.session_control import SessionControl
from gateway.session_passthrough import PassThrough


def test_both_have_what_a_session_needs() -> None:
    members = vars(SessionControl).items()
    wanted = {name for name, member in members if callable(member) and name[0] != "_"}
    assert wanted
    for control in (SessionAgents, PassThrough):
        assert not wanted - set(dir(control))
