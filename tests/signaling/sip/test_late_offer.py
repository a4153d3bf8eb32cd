"""Offers within INVITE, UPDATE and ACK, in virtual time (RFC 3261 §13.2.1, RFC 3311, RFC 3264)."""

from __future__ import annotations

from signaling.sip.call import Call
from signaling.sip.call_table import State
from tests.signaling.sip.phone import OFFER, Phone, header
from tests.signaling.sip.test_user_agent import ANSWER, Desk

OURS = "v=0\r\nour offer"


def proposed(desk: Desk, phone: Phone) -> Call:
    """A call whose 2xx has our offer."""
    assert desk.hear(phone.invite("")) == ["100"]
    call, sdp = desk.offers[-1]
    assert sdp == ""
    call.accept(OURS, desk.now)
    answer = phone.hear(desk.wire.take()[-1])
    assert answer.endswith(OURS)
    return call


def test_the_answer_to_a_late_offer_is_in_the_ack() -> None:
    desk, phone = Desk(), Phone()
    call = proposed(desk, phone)
    assert desk.hear(phone.request("UPDATE", OFFER, cseq=2)) == ["491"], "our offer is out"
    ack = phone.request("ACK", ANSWER, cseq=1)
    assert desk.hear(ack, ack) == []
    assert desk.answers == [ANSWER]
    assert call.state is State.ESTABLISHED
    call.hang_up(desk.now)  # What the gateway does with an answer that cannot be taken.
    assert desk.wire.codes == ["BYE"]
    desk.forgets_all()


def test_no_answer_in_the_ack_and_no_ack_end_the_call() -> None:
    desk, phone = Desk(), Phone()
    call = proposed(desk, phone)
    assert desk.hear(phone.ack()) == ["BYE"]
    proposed(desk, other := Phone())
    assert desk.pass_to(31.9).count("200") == 10
    assert desk.pass_to(32.0)[-1:] == ["BYE"]
    assert desk.hear(other.request("ACK", ANSWER, cseq=1)) == []
    leaving = proposed(desk, last := Phone())
    leaving.hang_up(desk.now)
    assert desk.hear(last.request("ACK", ANSWER, cseq=1)) == ["BYE"]
    assert desk.answers == []
    assert len(desk.ended) == 3
    assert desk.ended[0] is call
    desk.forgets_all()


def test_an_invite_without_an_offer_within_the_call() -> None:
    desk, phone = Desk(), Phone()
    call = desk.answered(phone)
    assert desk.hear(phone.invite("")) == []
    assert desk.offers[-1] == (call, "")
    call.accept(OURS, desk.now)
    assert desk.wire.codes == ["200"]
    assert desk.hear(phone.request("ACK", ANSWER, cseq=phone.cseq)) == []
    assert desk.answers == [ANSWER]
    assert desk.hear(phone.invite("")) == []
    call.refuse(488, desk.now)
    assert desk.wire.codes == ["488"]
    assert call.state is State.ESTABLISHED


def test_update_holds_and_is_answered_once() -> None:
    desk, phone = Desk(), Phone()
    call = desk.answered(phone)
    update = phone.request("UPDATE", "v=0 hold")
    assert desk.hear(update, update) == []
    assert desk.offers[1:] == [(call, "v=0 hold")]
    assert desk.hear(phone.request("UPDATE")) == ["500"], "one at a time"
    assert desk.hear(phone.invite(branch="z9hG4bK-glare")) == ["500"]
    assert desk.hear(phone.ack(branch="z9hG4bK-glare")) == []
    call.accept(ANSWER, desk.now)
    (answer,) = desk.wire.take()
    assert answer.endswith(ANSWER)
    assert "UPDATE" in header(answer, "Allow")
    assert desk.pass_to(20.0) == [], "no ACK is awaited"
    assert desk.hear(update) == ["200"]
    assert desk.hear(phone.request("UPDATE", "v=0 odd")) == []
    call.refuse(488, desk.now)
    assert desk.wire.codes == ["488"]
    assert desk.hear(phone.invite()) == []
    assert desk.hear(phone.request("UPDATE", OFFER)) == ["500"]
    assert desk.hear(phone.request("UPDATE")) == ["200"], "without an offer it is in nobody's way"
    call.refuse(488, desk.now)
    assert desk.hear(phone.request("UPDATE", "v=0 bye")) == ["488"]
    assert desk.hear(phone.request("BYE")) == ["200", "487"]
    desk.forgets_all()


def test_update_without_an_offer_moves_the_target() -> None:
    desk, phone = Desk(), Phone()
    call = desk.answered(phone)
    phone.contact = "<sip:alice@192.0.2.99>"
    assert desk.hear(phone.request("UPDATE")) == ["200"]
    assert len(desk.offers) == 1
    assert desk.hear(Phone().request("UPDATE")) == ["481"]
    call.hang_up(desk.now)
    assert desk.wire.take()[0].startswith("BYE sip:alice@192.0.2.99 ")
