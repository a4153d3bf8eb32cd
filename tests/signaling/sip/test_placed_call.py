"""Calls of ours, in virtual time: what phones hear of them, and what the gateway does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from signaling.sip.call import Call
from signaling.sip.call_table import State as CallState
from signaling.sip.credentials import Credentials
from signaling.sip.failure import Failure
from signaling.sip.placed_call import TRANSITIONS, Input, PlacedCall, State, diagram
from signaling.sip.route import Route
from tests.signaling.sip.callee import reply, request
from tests.signaling.sip.phone import OFFER, header, kind
from tests.signaling.sip.test_user_agent import Desk

DOCS = Path(__file__).parents[3] / "docs" / "sip.md"
ANSWER = "v=0\r\nanswer"


class Placing(Desk):
    """A desk that calls."""

    def __init__(self) -> None:
        super().__init__()
        self.progress: list[str] = []
        self.answered_by: list[tuple[Call, str]] = []
        self.failures: list[Failure] = []

    def on_progress(self, placed: PlacedCall, sdp: str) -> None:
        self.progress.append(sdp)

    def on_answered(self, placed: PlacedCall, call: Call, sdp: str) -> None:
        self.answered_by.append((call, sdp))

    def on_failed(self, placed: PlacedCall, failure: Failure) -> None:
        self.failures.append(failure)

    def place(self, credentials: Credentials | None = None) -> tuple[PlacedCall, str]:
        """A call, and its INVITE."""
        route = Route("sip:bob@192.0.2.7:5060;transport=udp", self.wire, credentials=credentials)
        placed = self.agent.place(route, OFFER, self, self.now)
        (invite,) = self.wire.take()
        return placed, invite

    def established(self) -> tuple[Call, str]:
        _, invite = self.place()
        assert self.hear(reply(invite, 200, ANSWER, tag="b")) == ["ACK"]
        return self.answered_by[-1][0], invite


def test_each_state_can_be_reached_and_the_end_is_one() -> None:
    assert {State.CALLING} | {state for state, _ in TRANSITIONS.values()} == set(State)
    for state in (State.CALLING, State.PROCEEDING, State.RINGING):
        assert {(state, Input.CANCEL), (state, Input.TIME_OUT)} <= set(TRANSITIONS)
    ways_out = {
        following for (state, _), (following, _) in TRANSITIONS.items() if state is State.ENDED
    }
    assert ways_out == {State.ENDED}


def test_the_documentation_has_the_table() -> None:
    assert diagram() in DOCS.read_text()


def test_a_call_that_rings_and_is_answered() -> None:
    desk = Placing()
    placed, invite = desk.place()
    assert invite.startswith("INVITE sip:bob@192.0.2.7:5060;transport=udp SIP/2.0")
    assert header(invite, "To") == "<sip:bob@192.0.2.7:5060>"
    assert header(invite, "From").startswith("<sip:agent@198.51.100.1>;tag=")
    assert header(invite, "Session-Expires") == "1800"
    assert invite.endswith(OFFER)
    assert desk.hear(reply(invite, 100), reply(invite, 180, tag="b")) == []
    assert desk.hear(reply(invite, 183, "v=0 early", tag="b")) == []
    assert desk.progress == ["", "v=0 early"]
    assert placed.state is State.RINGING
    desk.agent.receive(reply(invite, 200, ANSWER, tag="b"), desk.wire, desk.now)
    (ack,) = desk.wire.take()
    assert ack.startswith("ACK sip:bob@192.0.2.7:5060 SIP/2.0")
    assert header(ack, "To").endswith(";tag=b")
    assert header(ack, "CSeq") == header(invite, "CSeq").replace("INVITE", "ACK")
    assert header(ack, "Via") != header(invite, "Via"), "a transaction of its own"
    ((call, sdp),) = desk.answered_by
    assert sdp == ANSWER
    assert desk.hear(reply(invite, 200, ANSWER, tag="b")) == ["ACK"], "the ACK was lost"
    assert len(desk.answered_by) == 1
    placed.cancel(desk.now)
    assert desk.wire.codes == [], "too late"
    call.hang_up(desk.now)
    (bye,) = desk.wire.take()
    assert header(bye, "From") == header(invite, "From")
    assert int(header(bye, "CSeq").split()[0]) == int(header(invite, "CSeq").split()[0]) + 1
    assert desk.hear(reply(bye, 200)) == []
    assert desk.ended == [call]
    desk.forgets_all()


def test_what_is_said_within_the_call_is_as_in_any_other() -> None:
    desk = Placing()
    call, invite = desk.established()
    assert desk.hear(request(invite, "INVITE", 1, tag="b", body="v=0 hold")) == []
    assert desk.offers == [(call, "v=0 hold")]
    call.accept(ANSWER, desk.now)
    assert desk.wire.codes == ["200"]
    assert desk.hear(request(invite, "ACK", 1, tag="b")) == []
    assert desk.hear(request(invite, "UPDATE", 2, tag="b")) == ["200"]
    assert desk.hear(request(invite, "INFO", 3, tag="other")) == ["481"]
    assert desk.hear(request(invite, "BYE", 4, tag="b")) == ["200"]
    assert desk.ended == [call]
    desk.forgets_all()


def test_the_route_back_is_the_recorded_one_reversed() -> None:
    """RFC 3261 §12.1.2"""
    desk = Placing()
    _, invite = desk.place()
    recorded = "<sip:p1.example;lr>, <sip:p2.example;lr>"
    desk.agent.receive(reply(invite, 200, ANSWER, tag="b", Record_Route=recorded), desk.wire, 0.0)
    (ack,) = desk.wire.take()
    assert re.findall(r"^Route: (.*)\r$", ack, re.M) == [
        "<sip:p2.example;lr>",
        "<sip:p1.example;lr>",
    ]


@pytest.mark.parametrize("code", [302, 404, 486, 503, 603])
def test_a_refusal_is_told(code: int) -> None:
    desk = Placing()
    _, invite = desk.place()
    refusal = reply(invite, code, tag="b", Retry_After="9")
    assert desk.hear(refusal, refusal) == ["ACK", "ACK"]
    assert [(each.code, each.retry_after) for each in desk.failures] == [(code, 9)]
    assert desk.agent.is_idle
    desk.forgets_all()


def test_nobody_is_there_or_nobody_answers() -> None:
    desk = Placing()
    desk.place()
    assert desk.pass_to(32.0) == ["INVITE"] * 6
    assert [each.reason for each in desk.failures] == ["no response"]
    desk.forgets_all()
    desk = Placing()
    _, invite = desk.place()
    assert desk.hear(reply(invite, 180, tag="b")) == []
    assert desk.pass_to(59.9) == []
    desk.agent.timers.run_due(60.0)
    desk.now = 60.0
    (cancel,) = desk.wire.take()
    assert [each.reason for each in desk.failures] == ["nobody answered"]
    assert desk.hear(reply(cancel, 200), reply(invite, 487, tag="b")) == ["ACK"]
    desk.forgets_all()


def test_a_cancel_waits_for_a_sign_of_life() -> None:
    """RFC 3261 §9.1"""
    desk = Placing()
    placed, invite = desk.place()
    placed.cancel(desk.now, elsewhere=True)
    assert desk.wire.codes == []
    assert [each.code for each in desk.failures] == [487]
    desk.agent.receive(reply(invite, 100), desk.wire, desk.now)
    (cancel,) = desk.wire.take()
    assert kind(cancel) == "CANCEL"
    assert header(cancel, "Via") == header(invite, "Via")
    assert header(cancel, "Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert desk.hear(reply(cancel, 200), reply(invite, 487, tag="b")) == ["ACK"]
    assert placed.state is State.ENDED
    desk.forgets_all()


@pytest.mark.parametrize("answers", [True, False])
def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_left(answers: bool) -> None:
    desk = Placing()
    placed, invite = desk.place()
    desk.hear(reply(invite, 180, tag="b"))
    placed.cancel(desk.now)
    (cancel,) = desk.wire.take()
    desk.hear(reply(cancel, 200))
    if answers:
        assert desk.hear(reply(invite, 200, ANSWER, tag="b")) == ["ACK", "BYE"]
        assert desk.hear(reply(invite, 200, ANSWER, tag="b")) == ["ACK"], "one BYE"
    assert desk.answered_by == []
    desk.forgets_all()
    assert placed.state is State.ENDED


def test_of_several_phones_behind_a_proxy_the_first_wins() -> None:
    desk = Placing()
    _, invite = desk.place()
    for tag in "abc":
        desk.hear(reply(invite, 183, f"v=0 {tag}", tag=tag))
    assert desk.hear(reply(invite, 200, tag="b")) == ["ACK"]
    ((call, sdp),) = desk.answered_by
    assert sdp == "v=0 b", "it described itself before"
    assert desk.hear(reply(invite, 200, ANSWER, tag="c")) == ["ACK", "BYE"]
    assert desk.hear(reply(invite, 200, ANSWER, tag="c")) == ["ACK"]
    assert call.state is CallState.ESTABLISHED
    assert len(desk.answered_by) == 1
    call.hang_up(desk.now)
    desk.forgets_all()


def test_a_challenge_is_answered_once() -> None:
    desk = Placing()
    _, invite = desk.place(Credentials("bob", "secret"))
    challenge = 'Digest realm="x", nonce="n", algorithm=MD5, qop="auth"'
    desk.agent.receive(reply(invite, 407, tag="p", Proxy_Authenticate=challenge), desk.wire, 0.0)
    ack, again = desk.wire.take()
    assert (kind(ack), kind(again)) == ("ACK", "INVITE")
    assert 'username="bob"' in header(again, "Proxy-Authorization")
    assert header(again, "Call-ID") == header(invite, "Call-ID")
    assert header(again, "From") == header(invite, "From")
    assert header(again, "Via") != header(invite, "Via")
    assert ";tag=" not in header(again, "To")
    stale = f"{challenge}, stale=true"
    for _ in range(2):
        desk.agent.receive(reply(again, 407, tag="p", Proxy_Authenticate=stale), desk.wire, 0.0)
        ack, again = desk.wire.take()
    refused = reply(again, 407, tag="p", Proxy_Authenticate=stale)
    assert desk.hear(refused) == ["ACK"], "not for ever"
    assert [each.code for each in desk.failures] == [407]
    desk.forgets_all()


def test_the_acknowledgement_and_the_bye_have_credentials_too() -> None:
    desk = Placing()
    _, invite = desk.place(Credentials("bob", "secret"))
    challenge = 'Digest realm="x", nonce="n", algorithm=MD5, qop="auth"'
    desk.agent.receive(reply(invite, 401, tag="p", WWW_Authenticate=challenge), desk.wire, 0.0)
    again = desk.wire.take()[-1]
    desk.agent.receive(reply(again, 200, ANSWER, tag="b"), desk.wire, 0.0)
    (ack,) = desk.wire.take()
    assert header(ack, "Authorization") == header(again, "Authorization")
    ((call, _),) = desk.answered_by
    call.hang_up(0.0)
    (bye,) = desk.wire.take()
    desk.agent.receive(reply(bye, 401, WWW_Authenticate=challenge), desk.wire, 0.0)
    (bye,) = desk.wire.take()
    assert 'uri="sip:bob@192.0.2.7:5060"' in header(bye, "Authorization")
    assert desk.hear(reply(bye, 200)) == []
    assert desk.agent.is_idle
    desk.forgets_all()


def test_an_interval_that_is_too_small_is_raised() -> None:
    desk = Placing()
    _, invite = desk.place()
    desk.agent.receive(reply(invite, 422, tag="b", Min_SE="3600"), desk.wire, 0.0)
    again = desk.wire.take()[-1]
    assert (header(again, "Session-Expires"), header(again, "Min-SE")) == ("3600", "3600")
    assert desk.hear(reply(again, 422, tag="b", Min_SE="1")) == ["ACK"]
    assert [each.code for each in desk.failures] == [422]


def test_the_session_timer_of_a_call_of_ours() -> None:
    desk = Placing()
    _, invite = desk.place()
    desk.hear(reply(invite, 200, ANSWER, tag="b", Session_Expires="600;refresher=uac"))
    assert desk.pass_to(299.9) == []
    desk.agent.timers.run_due(300.0)
    (again,) = desk.wire.take()
    assert again.startswith("INVITE ")
    assert again.endswith(OFFER), "word for word"
    desk.now = 300.0
    assert desk.hear(reply(again, 491)) == ["ACK"]
    assert desk.pass_to(302.0) == [], "who called waits longer (RFC 3261 §14.1)"
    assert "INVITE" in desk.pass_to(304.1)


def test_a_connection_that_is_lost_ends_the_ringing() -> None:
    desk = Placing()
    placed, invite = desk.place()
    desk.hear(reply(invite, 180, tag="b"))
    desk.agent.close(desk.wire, desk.now)
    assert [each.reason for each in desk.failures] == ["no response"]
    assert placed.state is State.ENDED
    desk.forgets_all()


@pytest.mark.parametrize(
    "broken", [{"Contact": "nobody"}, {"Record_Route": "<sip:a"}], ids=["Contact", "route"]
)
def test_an_answer_that_makes_no_call(broken: dict[str, str]) -> None:
    desk = Placing()
    _, invite = desk.place()
    assert desk.hear(reply(invite, 200, ANSWER, tag="b", **broken)) == []
    assert [each.code for each in desk.failures] == [500]
    desk.forgets_all()
