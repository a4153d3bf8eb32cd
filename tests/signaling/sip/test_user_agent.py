"""Whole conversations with the user agent, in virtual time: what a phone says, and what it gets."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.sip.call import Call
from signaling.sip.digest import Digest
from signaling.sip.user_agent import CALLS, MESSAGES, UserAgent
from tests.signaling.sip.phone import OFFER, Phone, Wire, authorization, header, kind

ANSWER = "v=0\r\nanswer"


class Desk:
    """A user agent whose calls the test answers."""

    def __init__(self, users: dict[str, str] | None = None) -> None:
        self.agent = UserAgent(self, Digest(users) if users else None)
        self.wire = Wire()
        self.now = 0.0
        self.offers: list[tuple[Call, str]] = []
        self.keys: list[str] = []
        self.answers: list[str] = []
        self.ended: list[Call] = []

    def on_call(self, call: Call, sdp: str) -> None:
        self.offers.append((call, sdp))

    def on_offer(self, call: Call, sdp: str) -> None:
        self.offers.append((call, sdp))

    def on_answer(self, call: Call, sdp: str) -> None:
        self.answers.append(sdp)

    def on_key(self, call: Call, key: str) -> None:
        self.keys.append(key)

    def on_ended(self, call: Call) -> None:
        self.ended.append(call)

    def hear(self, *messages: bytes, wire: Wire | None = None) -> list[str]:
        """What is said to them, as codes and methods."""
        wire = wire or self.wire
        for message in messages:
            self.agent.receive(message, wire, self.now)
        return wire.codes

    def pass_to(self, until: float) -> list[str]:
        while (at := self.agent.timers.next_at) is not None and at <= until:
            self.agent.timers.run_due(at)
        self.now = until
        return self.wire.codes

    def answered(self, phone: Phone, **headers: str) -> Call:
        """A call that is established."""
        self.agent.receive(phone.invite(**headers), self.wire, self.now)
        call, _ = self.offers[-1]
        call.accept(ANSWER, self.now)
        phone.hear(self.wire.take()[-1])
        self.agent.receive(phone.ack(), self.wire, self.now)
        return call

    def forgets_all(self) -> None:
        """Nothing is left of what happened, once nothing can come of it any more."""
        self.pass_to(self.now + 100.0)
        assert self.agent.transactions == 0
        assert len(self.agent.timers) == 0


def test_the_same_invite_three_times_is_one_call() -> None:
    desk, phone = Desk(), Phone("chat_supervisor")
    invite = phone.invite()
    assert desk.hear(invite, invite, invite) == ["100", "100", "100"]
    ((call, sdp),) = desk.offers
    assert (call.user, sdp) == ("chat_supervisor", OFFER)
    call.accept(ANSWER, desk.now)
    (answer,) = desk.wire.take()
    assert header(answer, "Contact") == "<sip:agent@198.51.100.1:5060>"
    assert answer.endswith(ANSWER)
    assert desk.hear(invite) == []
    assert desk.hear(Phone.invite(phone, cseq=1)) == ["482"], "the same by another way"
    phone.hear(answer)
    assert desk.hear(phone.ack(), phone.ack()) == []
    assert desk.hear(phone.request("BYE")) == ["200"]
    assert desk.ended == [call]
    assert desk.agent.is_idle
    desk.forgets_all()


def test_a_2xx_is_repeated_until_its_ack_and_then_given_up() -> None:
    desk, phone = Desk(), Phone()
    desk.hear(phone.invite())
    desk.offers[0][0].accept(ANSWER, 0.0)
    assert desk.wire.codes == ["200"]
    assert desk.pass_to(31.9) == ["200"] * 10
    assert desk.pass_to(32.0) == ["BYE"]
    assert len(desk.ended) == 1
    desk.forgets_all()
    desk.answered(Phone())
    assert desk.pass_to(desk.now + 60.0) == []


def test_hanging_up_waits_for_the_ack() -> None:
    desk, phone = Desk(), Phone()
    desk.hear(phone.invite())
    call = desk.offers[0][0]
    call.accept(ANSWER, 0.0)
    phone.hear(desk.wire.take()[0])
    call.hang_up(0.0)
    assert desk.wire.codes == []
    assert desk.hear(phone.ack()) == ["BYE"]
    assert desk.ended == [call]


def test_a_bye_of_ours_goes_to_the_contact_by_the_recorded_route() -> None:
    desk, phone = Desk(), Phone(contact="<sip:alice@192.0.2.7:5060;ob>")
    invite = phone.invite(Record_Route="<sip:p1.example;lr>, <sip:p2.example;lr>")
    desk.agent.receive(invite, desk.wire, 0.0)
    call = desk.offers[0][0]
    call.accept(ANSWER, 0.0)
    answer = phone.hear(desk.wire.take()[-1])
    assert header(answer, "Record-Route") == "<sip:p1.example;lr>, <sip:p2.example;lr>"
    desk.hear(phone.ack())
    call.hang_up(1.0)
    (bye,) = desk.wire.take()
    assert bye.startswith("BYE sip:alice@192.0.2.7:5060;ob SIP/2.0")
    assert re.findall(r"^Route: (.*)\r$", bye, re.M) == [
        "<sip:p1.example;lr>",
        "<sip:p2.example;lr>",
    ]
    assert header(bye, "To") == f'"Alice" <sip:alice@phone.example>;tag={phone.from_tag}'
    assert header(bye, "From").endswith(f";tag={phone.to_tag}")
    assert not desk.agent.is_idle
    branch = header(bye, "Via").partition("branch=")[2].partition(";")[0]
    done = f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch={branch}\r\nCSeq: 1 BYE\r\n\r\n"
    assert desk.hear(done.encode()) == []
    assert desk.agent.is_idle
    desk.forgets_all()


def test_cancel_before_the_answer_and_after_it() -> None:
    desk, phone = Desk(), Phone()
    desk.hear(phone.invite(branch="z9hG4bK-c"))
    desk.agent.receive(phone.request("CANCEL", cseq=1, branch="z9hG4bK-c"), desk.wire, desk.now)
    terminated, cancelled = desk.wire.take()
    assert (kind(terminated), kind(cancelled)) == ("487", "200")
    assert header(terminated, "To") == header(cancelled, "To"), "RFC 3261 §9.2"
    (call,) = desk.ended
    call.accept(ANSWER, desk.now)
    assert desk.wire.codes == [], "the answer comes too late"
    desk.hear(phone.ack(branch="z9hG4bK-c"))
    desk.forgets_all()
    late = Phone()
    desk.hear(late.invite(branch="z9hG4bK-d"))
    desk.offers[-1][0].accept(ANSWER, desk.now)
    answer = desk.wire.take()[-1]
    desk.agent.receive(late.request("CANCEL", cseq=1, branch="z9hG4bK-d"), desk.wire, desk.now)
    (cancelled,) = desk.wire.take()
    assert kind(cancelled) == "200"
    assert header(cancelled, "To") == header(answer, "To"), "or a phone takes it for another dialog"
    assert len(desk.ended) == 1, "the call is there"
    assert desk.hear(late.request("CANCEL", branch="z9hG4bK-e")) == ["481"]


def test_hold_changes_the_call_and_a_refused_offer_does_not() -> None:
    desk, phone = Desk(), Phone()
    call = desk.answered(phone)
    assert desk.hear(phone.invite("v=0 hold")) == []
    assert desk.offers[-1] == (call, "v=0 hold")
    assert desk.hear(phone.invite("v=0 more")) == ["500"], "one at a time"
    phone.cseq -= 1
    call.accept(ANSWER, desk.now)
    assert desk.wire.codes == ["200"]
    assert desk.hear(phone.request("INVITE", OFFER, cseq=9)) == ["491"], "its ACK is awaited"
    assert desk.hear(phone.ack()) == []
    phone.cseq = 10
    assert desk.hear(phone.invite("v=0 odd")) == []
    call.refuse(488, desk.now)
    assert desk.wire.codes == ["488"]
    assert desk.hear(phone.request("INFO", "5", kind="application/dtmf")) == ["200"]
    assert desk.keys == ["5"]
    assert desk.hear(phone.invite("v=0 bye")) == []
    assert desk.hear(phone.request("BYE")) == ["200", "487"]
    assert desk.ended == [call]


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Signal= 11\nDuration=160", "#"),
        ("application/dtmf-relay", "Signal=#", "#"),
        ("Application/DTMF; x=y", "d", "D"),
        ("application/dtmf-relay", "Signal=flash", ""),
    ],
)
def test_keys_by_info(kind: str, body: str, key: str) -> None:
    desk, phone = Desk(), Phone()
    desk.answered(phone)
    info = phone.request("INFO", body, kind=kind)
    assert desk.hear(info, info) == ["200", "200"]
    assert desk.keys == ([key] if key else []), "a copy is not another key"


def test_what_is_out_of_place_is_refused() -> None:
    desk, phone = Desk(), Phone()
    desk.answered(phone)
    stranger = Phone()
    stranger.to_tag = "who"
    assert desk.hear(stranger.request("BYE"), stranger.invite(), stranger.ack()) == ["481", "481"]
    assert desk.hear(phone.request("INFO", cseq=1)) == ["500"], "CSeq goes up"
    assert desk.hear(phone.request("PRACK"), Phone().request("PUBLISH")) == ["405", "405"]
    assert desk.hear(Phone().request("BYE"), Phone().request("OPTIONS")) == ["481", "200"]
    assert desk.hear(Phone().request("INVITE", OFFER, Require="100rel")) == ["420"]
    assert desk.hear(Phone().request("INVITE", "x", kind="text/plain")) == ["415"]
    assert desk.hear(Phone().request("INVITE", OFFER, uri="tel:+1")) == ["416"]
    assert desk.hear(Phone(contact="nobody").invite()) == ["400"]
    assert desk.hear(Phone().invite().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1)) == ["505"]
    assert desk.hear(Phone().request("INVITE", OFFER, User_Agent="friendly-scanner")) == []
    assert desk.hear(b"\0\1junk", b"") == []
    assert len(desk.offers) == 1


def test_a_stranger_is_challenged_and_leaves_nothing_behind() -> None:
    desk, phone = Desk({"alice": "secret"}), Phone()
    invite = phone.invite()
    desk.agent.receive(invite, desk.wire, 0.0)
    desk.agent.receive(invite, desk.wire, 0.0)
    first, again = desk.wire.take()
    assert header(first, "To") == header(again, "To"), "the tag is the same for a copy"
    assert desk.hear(phone.ack()) == []
    assert desk.agent.transactions == 0
    given = authorization(header(first, "WWW-Authenticate"), "alice", "secret", phone.uri)
    invite = phone.invite(Authorization=given)
    assert desk.hear(invite, invite) == ["100", "100"]
    assert desk.hear(phone.invite(Authorization=given)) == ["401"], "not with the same again"
    desk.now = 61.0
    other = Phone()
    desk.agent.receive(other.invite(Authorization=given), desk.wire, desk.now)
    assert "stale=true" in desk.wire.take()[0]


def test_a_phone_registers_with_its_own_password() -> None:
    desk = Desk({"alice": "secret", "bob": "other"})

    def register(user: str, password: str, *, tag: str = "") -> str:
        phone = Phone("alice")
        phone.to_tag = tag
        desk.now += 1.0  # Another nonce.
        desk.agent.receive(phone.request("REGISTER"), desk.wire, desk.now)
        challenge = header(desk.wire.take()[0], "WWW-Authenticate")
        assert challenge, "asked for, within a dialog that is none, too"
        given = authorization(challenge, user, password, phone.uri, method="REGISTER")
        (code,) = desk.hear(phone.request("REGISTER", Authorization=given))
        return code

    assert register("alice", "wrong") == "401"
    assert register("bob", "other") == "403", "for himself only"
    assert len(desk.agent.registrar) == 0
    assert register("alice", "secret", tag="x") == "200"
    (binding,) = desk.agent.registrar.of("alice")
    assert (binding.contact, binding.flow) == ("sip:alice@192.0.2.7:5060", desk.wire)
    assert desk.agent.is_idle
    desk.pass_to(desk.now + 3_600.0)
    assert len(desk.agent.registrar) == 0
    desk.forgets_all()


def test_a_flood_is_refused_and_others_get_through() -> None:
    desk, flood = Desk(), Wire(remote=("203.0.113.9", 5060))
    codes: list[str] = []
    for number in range(6_000):  # 200 a second for 30 s
        desk.now = number / 200
        codes += desk.hear(Phone().invite(), wire=flood)
    calls = CALLS[1] + 30 * CALLS[0]
    assert codes.count("100") <= calls + 1
    assert len(codes) <= MESSAGES[1] + 30 * MESSAGES[0] + calls
    assert "503" in codes
    assert desk.agent.transactions <= calls + 1
    assert desk.hear(Phone().invite()) == ["100"]


def test_full_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.sip.transactions.MAX_TRANSACTIONS", 1)
    desk, phone = Desk(), Phone()
    desk.answered(phone)
    assert desk.hear(phone.request("OPTIONS"), Phone().request("OPTIONS")) == ["503", "503"]


_METHODS = st.sampled_from(
    ["INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "OPTIONS", "REFER", "REGISTER", "NOTIFY"]
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_comes_nothing_is_stuck(data: st.DataObject) -> None:
    """Requests in any order, lost, repeated, mutated; answers when they come. At the end the desk
    has no call, no transaction and no timer, and takes the next call.
    """
    desk, phones = Desk(), [Phone(), Phone()]
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    for _ in range(data.draw(st.integers(1, 30))):
        phone = chance.choice(phones)
        message = phone.request(
            data.draw(_METHODS),
            chance.choice(["", OFFER]),
            cseq=chance.randint(1, 4),
            branch=f"z9hG4bK-{phone.call_id}-{chance.randint(1, 4)}",
        )
        if chance.random() < 0.2:
            at = chance.randrange(len(message))
            message = message[:at] + chance.randbytes(2) + message[at + chance.randint(0, 4) :]
        for _ in range(chance.choice([1, 1, 2])):
            desk.agent.receive(message, desk.wire, desk.now)
        if desk.offers and chance.random() < 0.5:
            call, _ = chance.choice(desk.offers)
            chance.choice(
                [
                    lambda call=call: call.accept(ANSWER, desk.now),
                    lambda call=call: call.refuse(486, desk.now),
                    lambda call=call: call.hang_up(desk.now),
                ]
            )()
        for sent in desk.wire.take():
            if header(sent, "Call-ID") == phone.call_id and ";tag=" in header(sent, "To"):
                phone.hear(sent)
        if chance.random() < 0.3:
            desk.pass_to(desk.now + chance.choice([0.4, 5.0, 33.0]))
    for call, _ in desk.offers:
        call.refuse(480, desk.now)
        call.hang_up(desk.now)
    desk.forgets_all()
    assert len(desk.agent) == 0
    assert len(desk.ended) == len({id(call) for call, _ in desk.offers})
    assert desk.hear(Phone().invite()) == ["100"]
