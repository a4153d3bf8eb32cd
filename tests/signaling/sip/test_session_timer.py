"""Session timers in both roles, in virtual time (RFC 4028)."""

from __future__ import annotations

import re

import pytest

from signaling.sip.call import ALLOW, Call
from signaling.sip.call_table import State
from tests.signaling.sip.phone import OFFER, Phone, header, kind
from tests.signaling.sip.test_user_agent import ANSWER, Desk


def reply(asked: str, code: int, **headers: str) -> bytes:
    """A phone's response to a request of ours."""
    lines = [f"{name}: {header(asked, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"SIP/2.0 {code} X", *lines, "", ""]).encode()


def ours(desk: Desk, phone: Phone) -> Call:
    """A call that we are to refresh every 300 s."""
    return desk.answered(
        phone, Session_Expires="600;refresher=uas", Supported="timer", Allow="INVITE, UPDATE"
    )


@pytest.mark.parametrize(
    ("asked", "supported", "allow", "agreed", "required"),
    [
        ("1800", "timer", "", "1800;refresher=uac", "timer"),
        ("1800;refresher=uac", "100rel, timer", "", "1800;refresher=uac", "timer"),
        ("90 ; refresher=UAS", "timer", ALLOW, "90;refresher=uas", ""),
        ("1800", "", ALLOW, "1800;refresher=uas", ""),
        ("1800", "", "INVITE", "1800;refresher=uas", ""),
        ("1800;refresher=uas", "timer", "INVITE", "1800;refresher=uas", ""),
    ],
)
def test_what_is_agreed(asked: str, supported: str, allow: str, agreed: str, required: str) -> None:
    desk, phone = Desk(), Phone()
    desk.hear(phone.invite(Session_Expires=asked, Supported=supported, Allow=allow))
    desk.offers[0][0].accept(ANSWER, desk.now)
    answer = desk.wire.take()[-1]
    assert header(answer, "Session-Expires") == agreed
    assert header(answer, "Require") == required
    assert header(answer, "Supported") == "timer"


def test_too_small_and_unreadable() -> None:
    desk, phone = Desk(), Phone()
    desk.agent.receive(phone.invite(Session_Expires="89", Supported="timer"), desk.wire, 0.0)
    (refused,) = desk.wire.take()
    assert (kind(refused), header(refused, "Min-SE")) == ("422", "90")
    assert desk.hear(phone.invite(Session_Expires="soon")) == ["400"]
    assert desk.hear(Phone().invite(Require="timer, 100rel")) == ["420"]
    assert desk.offers == []
    desk.answered(phone, Require="timer", x="90")
    assert desk.hear(phone.invite(Session_Expires="1"), phone.request("UPDATE", x="1")) == [
        "422",
        "422",
    ]
    assert "BYE" not in desk.pass_to(59.9)
    assert desk.pass_to(60.0) == ["BYE"], "the timer of before goes on"


def test_a_phone_that_does_not_refresh_is_left() -> None:
    desk, phone = Desk(), Phone()
    call = desk.answered(phone, Session_Expires="90", Supported="timer")
    assert desk.pass_to(59.0) == []
    update = phone.request("UPDATE", Session_Expires="180;refresher=uac", Supported="timer")
    assert desk.hear(update) == ["200"]
    assert desk.pass_to(59.0 + 147.0) == []
    assert desk.hear(phone.invite(Session_Expires="90", Supported="timer")) == []
    call.accept(ANSWER, desk.now)
    assert desk.hear(phone.ack()) == ["200"]
    assert desk.pass_to(desk.now + 59.9) == []
    assert desk.pass_to(desk.now + 0.1) == ["BYE"]
    assert desk.ended == [call]
    desk.forgets_all()


def test_a_refresh_without_a_timer_ends_the_timer() -> None:
    desk, phone = Desk(), Phone()
    desk.answered(phone, Session_Expires="90", Supported="timer")
    assert desk.hear(phone.request("UPDATE")) == ["200"]
    assert desk.pass_to(1_000.0) == []
    assert desk.hear(phone.request("BYE")) == ["200"]
    desk.forgets_all()


def test_we_refresh_at_half_the_interval() -> None:
    desk, phone = Desk(), Phone()
    call = ours(desk, phone)
    for start in (0.0, 300.0):
        assert desk.pass_to(start + 299.9) == []
        desk.agent.timers.run_due(start + 300.0)
        desk.now = start + 300.0
        (update,) = desk.wire.take()
        assert update.startswith("UPDATE sip:alice@192.0.2.7:5060 ")
        assert header(update, "Session-Expires") == "600;refresher=uac"
        assert header(update, "Supported") == "timer"
        assert header(update, "Contact") == "<sip:agent@198.51.100.1:5060>"
        assert desk.hear(reply(update, 200, Session_Expires="600;refresher=uac")) == []
    call.hang_up(desk.now)
    desk.forgets_all()


def refreshing(desk: Desk, phone: Phone) -> str:
    """Our UPDATE, just sent."""
    ours(desk, phone)
    desk.agent.timers.run_due(300.0)
    desk.now = 300.0
    (update,) = desk.wire.take()
    return update


def test_a_refresh_that_was_refused() -> None:
    desk, phone = Desk(), Phone()
    update = refreshing(desk, phone)
    desk.agent.receive(reply(update, 422, Min_SE="1200"), desk.wire, desk.now)
    (update,) = desk.wire.take()
    assert header(update, "Session-Expires") == "1200;refresher=uac"
    assert desk.hear(reply(update, 422, Min_SE="1200")) == [], "not for ever"
    assert desk.pass_to(567.9) == []
    assert desk.pass_to(568.0) == ["BYE"], "no refresh in time"

    desk = Desk()
    update = refreshing(desk, phone := Phone())
    assert desk.hear(reply(update, 491)) == []
    while not (sent := desk.wire.take()):
        desk.agent.timers.run_due(desk.agent.timers.next_at or 0.0)
    assert kind(sent[0]) == "UPDATE", "once more, soon"
    assert desk.hear(reply(sent[0], 200, Session_Expires="600;refresher=uas")) == []
    assert desk.pass_to(desk.now + 560.0) == [], "the phone refreshes now"
    assert desk.hear(phone.request("BYE")) == ["200"]
    desk.forgets_all()


@pytest.mark.parametrize("code", [0, 408, 481])
def test_a_refresh_finds_nobody(code: int) -> None:
    desk, phone = Desk(), Phone()
    update = refreshing(desk, phone)
    sent = desk.hear(reply(update, code)) if code else desk.pass_to(332.0)
    assert re.sub("(UPDATE)+", "UPDATE", "".join(sent)) == ("BYE" if code else "UPDATEBYE")
    assert len(desk.ended) == 1
    desk.forgets_all()


def test_a_hold_in_time_is_a_refresh() -> None:
    desk, phone = Desk(), Phone()
    call = desk.answered(phone, Session_Expires="90", Supported="timer")
    desk.pass_to(50.0)
    assert desk.hear(phone.request("UPDATE", OFFER, x="90", Supported="timer")) == []
    call.accept(ANSWER, desk.now)
    assert desk.wire.codes == ["200"]
    assert desk.pass_to(109.0) == []
    assert desk.pass_to(110.0) == ["BYE"]


def by_invite(desk: Desk, phone: Phone) -> tuple[Call, str]:
    """A call whose phone takes no UPDATE, and our INVITE that refreshes it."""
    call = desk.answered(
        phone, Session_Expires="600;refresher=uas", Supported="timer", Allow="INVITE"
    )
    desk.agent.timers.run_due(300.0)
    desk.now = 300.0
    (invite,) = desk.wire.take()
    return call, invite


def test_who_takes_no_update_is_refreshed_by_an_invite() -> None:
    """With the description that was agreed on, word for word (RFC 4028 §7.4)."""
    desk, phone = Desk(), Phone()
    call, invite = by_invite(desk, phone)
    assert invite.startswith("INVITE sip:alice@192.0.2.7:5060 ")
    assert invite.endswith(ANSWER)
    assert header(invite, "Session-Expires") == "600;refresher=uac"
    assert desk.hear(phone.invite()) == ["491"], "one at a time"
    phone.cseq += 1
    assert desk.hear(phone.request("UPDATE")) == ["200"], "which offers nothing"
    agreed = reply(invite, 200, Session_Expires="600;refresher=uac", Contact=phone.contact)
    desk.agent.receive(agreed, desk.wire, desk.now)
    desk.agent.receive(agreed, desk.wire, desk.now)
    first, again = desk.wire.take()
    assert kind(first) == "ACK"
    assert first == again, "a 2xx that comes again has not heard its ACK"
    assert header(first, "CSeq").split()[0] == header(invite, "CSeq").split()[0]
    assert call.state is State.ESTABLISHED
    assert desk.answers == []
    call.hang_up(desk.now)
    desk.forgets_all()


def test_an_answer_to_the_refresh_that_says_something_else_is_taken_up() -> None:
    desk, phone = Desk(), Phone()
    call, invite = by_invite(desk, phone)
    changed = reply(invite, 200, Contact=phone.contact, Content_Type="application/sdp")
    assert desk.hear(changed + b"v=0 other") == ["ACK"]
    assert desk.answers == ["v=0 other"]
    assert desk.hear(phone.request("BYE")) == ["200"]
    assert desk.ended == [call]
    desk.forgets_all()


@pytest.mark.parametrize(("code", "ends"), [(491, False), (488, False), (481, True)])
def test_an_invite_that_is_refused(code: int, ends: bool) -> None:
    desk, phone = Desk(), Phone()
    call, invite = by_invite(desk, phone)
    assert desk.hear(reply(invite, code)) == ["ACK", *(["BYE"] if ends else [])]
    assert (desk.ended == [call]) is ends
    if code == 491:
        assert "INVITE" in desk.pass_to(desk.now + 2.1), "once more, soon"
    call.hang_up(desk.now)
    desk.forgets_all()


def test_a_call_that_ends_while_it_is_refreshed_leaves_nothing() -> None:
    desk, phone = Desk(), Phone()
    call, invite = by_invite(desk, phone)
    assert desk.hear(reply(invite, 100)) == []
    call.hang_up(desk.now)
    assert "BYE" in desk.wire.codes
    desk.forgets_all()


def test_a_phone_that_allowed_update_and_takes_none() -> None:
    desk, phone = Desk(), Phone()
    update = refreshing(desk, phone)
    assert desk.hear(reply(update, 405)) == []
    assert "INVITE" in desk.pass_to(desk.now + 2.1)
    assert desk.hear(phone.request("BYE")) == ["200"]
    desk.forgets_all()
