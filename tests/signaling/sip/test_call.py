"""What a call is told by the gateway. What phones see of it is in ``test_user_agent.py``."""

from signaling.sip.call import Call
from signaling.sip.call_table import State
from tests.signaling.sip.phone import Phone, header
from tests.signaling.sip.test_user_agent import ANSWER, Desk


def test_an_answer_that_comes_too_late_is_not_the_next_offers() -> None:
    """A hold that was taken back while it was answered, and a resume right after it."""
    desk, phone = Desk(), Phone()
    call = desk.answered(phone)
    desk.hear(phone.invite("v=0 hold", branch="z9hG4bK-hold"))
    held = call.offer
    assert held is not None
    cancel = phone.request("CANCEL", cseq=phone.cseq, branch="z9hG4bK-hold")
    assert desk.hear(cancel) == ["487", "200"]
    assert call.offer is None
    assert desk.hear(phone.ack(branch="z9hG4bK-hold"), phone.invite("v=0 resume")) == []
    call.accept("v=0 answer to the hold", desk.now, held)
    call.refuse(500, desk.now, offer=held)
    assert desk.wire.codes == []
    assert call.state is State.REOFFERED
    call.accept(ANSWER, desk.now, call.offer)
    (answer,) = desk.wire.take()
    assert answer.endswith(ANSWER)


def ringing(desk: Desk, phone: Phone, **options: str) -> tuple[Call, str]:
    """A call that rings, and its 180."""
    invite = phone.invite(**options)
    assert desk.hear(invite) == ["100"]
    call = desk.offers[-1][0]
    call.ring(desk.now)
    (told,) = desk.wire.take()
    assert desk.hear(invite) == ["180"], "what was said last is said again"
    return call, told


def test_a_call_rings_until_it_is_answered() -> None:
    desk, phone = Desk(), Phone()
    call, told = ringing(desk, phone, Record_Route="<sip:p1.example;lr>")
    assert told.startswith("SIP/2.0 180 Ringing\r\n")
    assert header(told, "Contact") == "<sip:agent@198.51.100.1:5060>"
    assert header(told, "Record-Route") == "<sip:p1.example;lr>"
    assert header(told, "To").endswith(f";tag={call.dialog.local_tag}")
    call.accept(ANSWER, desk.now)
    (answer,) = desk.wire.take()
    assert header(answer, "To") == header(told, "To"), "one dialog"
    call.ring(desk.now)
    assert desk.wire.codes == [], "it rings no more"
    phone.hear(answer)
    assert desk.hear(phone.ack(), phone.request("BYE")) == ["200"]
    desk.forgets_all()


def test_a_caller_leaves_while_it_rings() -> None:
    desk, phone = Desk(), Phone()
    call, _ = ringing(desk, phone, branch="z9hG4bK-rings")
    cancel = phone.request("CANCEL", cseq=phone.cseq, branch="z9hG4bK-rings")
    assert desk.hear(cancel) == ["487", "200"]
    assert desk.ended == [call]
    call.refuse(480, desk.now)
    call.ring(desk.now)
    assert desk.wire.codes == []
    assert desk.hear(phone.ack(branch="z9hG4bK-rings")) == []
    desk.forgets_all()


def test_a_call_that_rings_is_refused_with_any_code() -> None:
    desk = Desk()
    for code, phrase in ((486, "Busy Here"), (433, "Bad Request"), (607, "Busy Everywhere")):
        call, _ = ringing(desk, Phone())
        call.refuse(code, desk.now)
        (refused,) = desk.wire.take()
        assert refused.startswith(f"SIP/2.0 {code} {phrase}\r\n")
