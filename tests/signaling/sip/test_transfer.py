"""Passing callers on, in virtual time: what the phone is asked, what it tells, what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.call import Call
from signaling.sip.credentials import Credentials
from signaling.sip.transfer import TRANSITIONS, Action, Input, State, diagram, refer_to
from tests.signaling.sip.phone import Phone, header, kind
from tests.signaling.sip.test_session_timer import reply
from tests.signaling.sip.test_user_agent import Desk

DOCS = Path(__file__).parents[3] / "docs" / "sip.md"
ANN = "sip:ann@example.com"


class Scene:
    """A call whose caller is being passed on."""

    def __init__(self, **headers: str) -> None:
        self.desk, self.phone = Desk(), Phone()
        self.call: Call = self.desk.answered(self.phone, **headers)
        self.told: list[str] = []
        self.call.pass_on(ANN, self.desk.now, self.told.append)
        (self.refer,) = self.desk.wire.take()

    def answers(self, code: int, **headers: str) -> list[str]:
        return self.desk.hear(reply(self.refer, code, **headers))

    def notify(self, fragment: str, state: str = "active;expires=60", **headers: str) -> list[str]:
        """What the gateway says to a NOTIFY."""
        headers = {"Event": "refer", "Subscription_State": state, **headers}
        sipfrag = "message/sipfrag;version=2.0"
        return self.desk.hear(self.phone.request("NOTIFY", fragment, kind=sipfrag, **headers))

    def goes_on(self) -> bool:
        return not self.desk.ended

    def forgets_all(self) -> None:
        if self.goes_on():
            self.desk.hear(self.phone.request("BYE"))
        self.desk.forgets_all()


def test_the_table_is_whole() -> None:
    reached = {State.ASKED} | {state for state, _ in TRANSITIONS.values()}
    assert reached == set(State)
    for state in (State.ASKED, State.ACCEPTED):
        for what in (Input.SUCCESS, Input.FAILURE, Input.TIME_OUT, Input.BYE, Input.END):
            _, actions = TRANSITIONS[state, what]
            assert Action.TELL in actions, "who asked learns of every end"
    assert not any(state is State.TAKEN for state, _ in TRANSITIONS)
    assert diagram() in DOCS.read_text()


def test_the_phone_is_asked_within_the_call() -> None:
    scene = Scene()
    assert kind(scene.refer) == "REFER"
    assert header(scene.refer, "Refer-To") == f"<{ANN}>"
    assert header(scene.refer, "Referred-By") == f"<{scene.phone.uri}>"
    assert header(scene.refer, "Contact") == "<sip:agent@198.51.100.1:5060>"
    assert f"tag={scene.phone.to_tag}" in header(scene.refer, "From")
    assert f"tag={scene.phone.from_tag}" in header(scene.refer, "To")
    scene.forgets_all()


@pytest.mark.parametrize("accepts", [200, 202])
def test_taken_is_the_end_of_our_call(accepts: int) -> None:
    scene = Scene()
    assert scene.answers(accepts) == []
    assert scene.notify("SIP/2.0 100 Trying\r\n") == ["200"]
    assert scene.notify("SIP/2.0 180 Ringing") == ["200"]
    assert (scene.told, scene.goes_on()) == ([], True)
    assert scene.notify("SIP/2.0 200 OK\r\n", "terminated;reason=noresource") == ["BYE", "200"]
    assert scene.told == [""]
    assert scene.call.is_passed_on
    assert not scene.goes_on()
    scene.forgets_all()


def test_news_may_overtake_the_response() -> None:
    scene = Scene()
    assert scene.notify("SIP/2.0 200 OK") == ["BYE", "200"]
    assert scene.answers(202) == []
    assert scene.told == [""]
    scene.forgets_all()


@pytest.mark.parametrize("code", [302, 400, 405, 420, 480, 500, 501, 603])
def test_refused_the_call_goes_on(code: int) -> None:
    scene = Scene()
    scene.answers(code)
    (why,) = scene.told
    assert why.startswith(f"the caller's phone refuses: {code}")
    assert scene.goes_on()
    assert scene.notify("SIP/2.0 200 OK") == ["481"], "nothing is subscribed to"
    assert not scene.call.is_passed_on
    scene.forgets_all()


@pytest.mark.parametrize("last", ["active", "terminated;reason=noresource"])
def test_not_taken_the_call_goes_on(last: str) -> None:
    scene = Scene()
    scene.answers(202)
    assert scene.notify("SIP/2.0 486 Ignore all that was said before", last) == ["200"]
    assert scene.told == ["the other side answers 486 Busy Here"], "in our words"
    assert scene.goes_on()
    after = scene.notify("", "terminated")
    assert after == (["200"] if last == "active" else ["481"])
    assert len(scene.told) == 1
    scene.forgets_all()


def test_a_phone_that_gives_up_without_a_word() -> None:
    scene = Scene()
    scene.answers(202)
    assert scene.notify("SIP/2.0 100 Trying", "terminated;reason=giveup") == ["200"]
    assert scene.told == ["the caller's phone gave it up"]
    assert scene.goes_on()
    scene.forgets_all()


def test_half_a_minute_is_enough_but_a_late_success_ends_the_call() -> None:
    scene = Scene()
    scene.answers(202)
    scene.notify("SIP/2.0 180 Ringing")
    assert scene.desk.pass_to(29.9) == []
    assert scene.told == []
    scene.desk.pass_to(30.0)
    assert scene.told == ["nobody took the call within 30 s"]
    assert scene.goes_on()
    assert scene.notify("SIP/2.0 200 OK", "terminated") == ["BYE", "200"]
    assert len(scene.told) == 1
    assert scene.call.is_passed_on
    scene.forgets_all()


def test_a_phone_that_never_answers() -> None:
    scene = Scene()
    scene.desk.pass_to(100.0)
    assert scene.told == ["nobody took the call within 30 s"]
    assert scene.goes_on()
    scene.forgets_all()


def test_a_phone_that_hangs_up_by_itself_has_found_its_way() -> None:
    scene = Scene()
    scene.answers(202)
    assert scene.desk.hear(scene.phone.request("BYE")) == ["200"]
    assert scene.told == [""]
    assert scene.call.is_passed_on
    scene.forgets_all()
    scene = Scene()
    assert scene.desk.hear(scene.phone.request("BYE")) == ["200"]
    assert scene.told == ["the caller hung up"]
    scene.forgets_all()


def test_a_phone_that_will_tell_nothing_is_let_go() -> None:
    scene = Scene()
    assert scene.answers(202, Refer_Sub="false") == ["BYE"]
    assert scene.told == [""]
    scene.forgets_all()


def test_a_call_that_we_end_is_no_transfer() -> None:
    scene = Scene()
    scene.answers(202)
    scene.call.hang_up(scene.desk.now)
    assert scene.told == ["the call ended"]
    assert scene.notify("SIP/2.0 200 OK")[-1] == "481"
    scene.forgets_all()


def test_what_is_no_news_is_refused() -> None:
    scene = Scene()
    other = {"Event": "presence", "Subscription_State": "active"}
    assert scene.notify("SIP/2.0 200 OK", **other) == ["481"]
    assert scene.notify("SIP/2.0 200 OK", Event="refer;id=1000000") == ["481"]
    assert scene.notify("hello") == ["400"]
    assert scene.notify("SIP/2.0 999 OK") == ["400"]
    body = scene.phone.request("NOTIFY", "SIP/2.0 200 OK", kind="text/plain", Event="refer")
    assert scene.desk.hear(body) == ["415"]
    assert scene.told == []
    number = header(scene.refer, "CSeq").split()[0]
    assert scene.notify("SIP/2.0 200 OK", Event=f"refer ; id={number}") == ["BYE", "200"]
    desk, phone = Desk(), Phone()
    desk.answered(phone)
    assert desk.hear(phone.request("NOTIFY", Event="refer")) == ["481"], "nobody was asked"
    assert desk.hear(Phone().request("NOTIFY", Event="refer")) == ["481"]


def test_a_challenged_refer_is_known_by_its_new_number() -> None:
    scene = Scene()
    scene.call.dialog.credentials = Credentials("agent", "secret")
    desk, first = scene.desk, header(scene.refer, "CSeq").split()[0]
    challenge = 'Digest realm="pbx", nonce="n", qop="auth"'
    desk.agent.receive(reply(scene.refer, 401, WWW_Authenticate=challenge), desk.wire, desk.now)
    (scene.refer,) = desk.wire.take()
    assert kind(scene.refer) == "REFER"
    assert header(scene.refer, "Refer-To") == f"<{ANN}>"
    assert header(scene.refer, "Authorization")
    second = header(scene.refer, "CSeq").split()[0]
    assert second != first
    assert scene.answers(202) == []
    assert scene.notify("SIP/2.0 180 Ringing", Event=f"refer;id={first}") == ["481"]
    assert scene.notify("SIP/2.0 200 OK", Event=f"refer;id={second}") == ["BYE", "200"]
    assert scene.told == [""]
    scene.forgets_all()


def test_nobody_sends_an_agent_elsewhere() -> None:
    desk, phone = Desk(), Phone()
    desk.answered(phone)
    outside = Phone().request("REFER", Refer_To="<sip:x@y>")
    assert desk.hear(phone.request("REFER", Refer_To="<sip:x@y>"), outside) == ["603", "603"]
    desk.agent.receive(phone.request("OPTIONS"), desk.wire, desk.now)
    allowed = header(desk.wire.take()[0], "Allow").split(", ")
    assert "REFER" not in allowed
    assert "NOTIFY" in allowed
    assert desk.pass_to(60.0) == [], "and nobody is notified of anything"


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("+1 (206) 555-0100", "sip:+12065550100@pbx.example;user=phone"),
        ("tel:+12065550100", "sip:+12065550100@pbx.example;user=phone"),
        ("*31#", "sip:*31%23@pbx.example;user=phone"),
        (" ann@example.com ", "sip:ann@example.com"),
        ("sip:ann@example.com:5070;transport=tcp", "sip:ann@example.com:5070;transport=tcp"),
        ("SIPS:ann@[2001:db8::1]:5061", "sips:ann@[2001:db8::1]:5061"),
        ("sip:desk.example.com", "sip:desk.example.com"),
    ],
)
def test_whom_a_caller_may_be_passed_on_to(target: str, uri: str) -> None:
    assert refer_to(target, "pbx.example") == uri


@pytest.mark.parametrize(
    "target",
    [
        *("", "ann", "+", "1" * 33, "http://example.com", "mailto:ann@example.com", "tel:ann"),
        *("sip:", "sip:ann@", "sip:ann@example.com?Replaces=x", "sip:a@b>, <sip:c@d"),
        *("sip:ann@example.com\r\nX: y", "sip:ann@example.com;method=BYE", "a@b@c d"),
        *("sip:" + "a" * 600 + "@x", "tel:+1;phone-context=x", "ann@exa mple.com"),
    ],
)
def test_whom_not(target: str) -> None:
    with pytest.raises(ValueError, match="the target is"):
        refer_to(target, "pbx.example")


@given(st.text(max_size=80) | st.from_regex(r"sips?:[^>]{0,60}"))
def test_no_target_breaks_the_header_it_is_written_into(target: str) -> None:
    try:
        uri = refer_to(target, "pbx.example")
    except ValueError:
        return
    assert uri.isascii()
    assert not set(uri) & set('<>"\r\n\t ,') - {","}
    assert uri.startswith(("sip:", "sips:"))


@pytest.mark.parametrize(
    ("caller", "contact", "domain"),
    [
        ("<sip:alice@pbx.example:5070>", "<sip:alice@192.0.2.7>", "pbx.example:5070"),
        ("<sip:pbx.example;transport=tcp>", "<sip:alice@192.0.2.7>", "pbx.example"),
        ("<sip:x@anonymous.invalid>", "<sip:alice@192.0.2.7:5062;ob>", "192.0.2.7:5062"),
    ],
)
def test_whose_numbers_a_caller_means(caller: str, contact: str, domain: str) -> None:
    desk, phone = Desk(), Phone(contact=contact)
    old = b'"Alice" <sip:alice@phone.example>'
    desk.agent.receive(phone.invite().replace(old, caller.encode()), desk.wire, 0.0)
    assert desk.offers[0][0].dialog.remote_domain == domain
