"""Requests of ours within a call; more of them in ``test_placed_call.py``."""

from signaling.sip.credentials import Credentials
from signaling.sip.dialog_requests import MAX_TRIES
from tests.signaling.sip.callee import reply
from tests.signaling.sip.phone import Phone, header
from tests.signaling.sip.test_user_agent import Desk


def test_a_server_that_calls_every_nonce_stale_is_given_up() -> None:
    desk, phone = Desk(), Phone()
    call = desk.answered(phone)
    call.dialog.credentials = Credentials("agent", "secret")
    heard: list[int] = []
    call.ask("OPTIONS", 0.0, lambda answer, _: heard.append(answer.code if answer else 0))
    (asked,) = desk.wire.take()
    stale = 'Digest realm="x", nonce="n", qop="auth", stale=true'
    numbers = set()
    for tried in range(1, MAX_TRIES + 1):
        numbers.add(header(asked, "CSeq"))
        assert asked.count("Authorization: ") == min(tried - 1, 1)
        desk.agent.receive(reply(asked, 401, WWW_Authenticate=stale), desk.wire, 0.0)
        asked = (desk.wire.take() or [""])[0]
    assert not asked
    assert heard == [401]
    assert len(numbers) == MAX_TRIES
