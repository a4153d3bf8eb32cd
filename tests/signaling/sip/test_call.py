"""What a call is told by the gateway. What phones see of it is in ``test_user_agent.py``."""

from signaling.sip.call_table import State
from tests.signaling.sip.phone import Phone
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
