"""A registration of ours in virtual time: what a registrar hears of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from signaling.sip.credentials import Credentials
from signaling.sip.message import Request, parse
from signaling.sip.registration import (
    FIRST_PAUSE,
    KEEP_ALIVE,
    LONG,
    LONGEST_PAUSE,
    TRANSITIONS,
    Account,
    Input,
    Registration,
    State,
    diagram,
)
from signaling.sip.timers import Timers
from signaling.sip.transaction import TIMEOUT, Flow, Transaction
from signaling.sip.transactions import Transactions
from tests.signaling.sip.callee import reply
from tests.signaling.sip.phone import Wire, header, kind

DOCS = Path(__file__).parents[3] / "docs" / "trunks.md"
CHALLENGE = 'Digest realm="acme", nonce="n1", qop="auth"'


class Registrar:
    """The far end, by hand."""

    def __init__(self, *, credentials: bool = False, reliable: bool = False) -> None:
        self.timers = Timers()
        self.transactions = Transactions(self, self.timers)
        self.wire = Wire(transport="tcp" if reliable else "udp", reliable=reliable)
        self.now = 0.0
        self.states: list[tuple[State, str]] = []
        self.wanted = 0
        self.silent: list[Flow] = []
        account = Account(
            "sip:acme.example",
            "sip:line@acme.example",
            "line",
            600,
            Credentials("line", "secret", lambda: "c") if credentials else None,
        )
        self.registration = Registration(
            account, self.transactions, self.timers, self, jitter=lambda low, high: high
        )

    def on_request(self, request: Request, transaction: Transaction, now: float) -> None: ...

    def on_ack(self, request: Request, now: float) -> None: ...

    def connect(self) -> None:
        self.wanted += 1

    def on_no_answer(self, flow: Flow) -> None:
        self.silent.append(flow)

    def on_registration(self, state: State, reason: str) -> None:
        self.states.append((state, reason))

    def opened(self) -> str:
        """The first REGISTER."""
        self.registration.start(self.now)
        assert self.wanted == 1
        self.registration.connected(self.wire, self.now)
        (asked,) = self.wire.take()
        return asked

    def answer(self, asked: str, code: int, **headers: str) -> list[str]:
        """What is said to it."""
        self.transactions.receive(
            parse(reply(asked, code, tag="r", **headers)), self.wire, self.now
        )
        return self.wire.take()

    def accept(self, asked: str, seconds: int = 600) -> None:
        contact = f"{header(asked, 'Contact')};expires={seconds}"
        assert self.answer(asked, 200, Contact=contact) == []

    def pass_to(self, until: float) -> list[str]:
        while (at := self.timers.next_at) is not None and at <= until:
            self.now = at
            self.timers.run_due(at)
        self.now = until
        return self.wire.take()


def test_each_state_can_be_reached_and_left() -> None:
    assert {state for state, _ in TRANSITIONS.values()} == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State)
    for state in State:
        assert state in (State.OFF, State.LEAVING) or (state, Input.STOP) in TRANSITIONS


def test_the_documentation_has_the_table() -> None:
    assert diagram() in DOCS.read_text()


def test_it_is_refreshed_before_its_time_is_over() -> None:
    far = Registrar()
    asked = far.opened()
    assert asked.startswith("REGISTER sip:acme.example SIP/2.0")
    assert header(asked, "To") == "<sip:line@acme.example>"
    assert header(asked, "Contact") == "<sip:line@198.51.100.1:5060>"
    assert header(asked, "Expires") == "600"
    far.accept(asked)
    assert far.registration.is_registered
    messages = far.pass_to(600.0)
    refresh = next(m for m in messages if kind(m) == "REGISTER")
    assert header(refresh, "Call-ID") == header(asked, "Call-ID")
    assert int(header(refresh, "CSeq").split()[0]) == int(header(asked, "CSeq").split()[0]) + 1
    # A NAT on the way is kept open, until the refresh was not answered.
    assert messages.count("\r\n\r\n") == (600 * 0.9 + TIMEOUT) // KEEP_ALIVE


def test_a_challenge_is_answered_and_a_wrong_password_waits_long() -> None:
    far = Registrar(credentials=True)
    (again,) = far.answer(far.opened(), 401, WWW_Authenticate=CHALLENGE)
    assert 'username="line"' in header(again, "Authorization")
    assert far.answer(again, 401, WWW_Authenticate=CHALLENGE) == []
    assert far.states[-1] == (State.FAILED, "401")
    far.pass_to(LONG - 1)
    assert far.wanted == 1
    far.pass_to(LONG + 1)
    assert far.wanted == 2


def test_an_interval_too_brief_is_raised_and_an_unfair_one_is_not() -> None:
    far = Registrar()
    (again,) = far.answer(far.opened(), 423, Min_Expires="1800")
    assert header(again, "Expires") == "1800"
    assert far.answer(again, 423, Min_Expires="1800") == []
    assert far.states[-1][0] is State.FAILED


def test_failures_come_back_more_and_more_slowly() -> None:
    far = Registrar()
    far.registration.start(0.0)
    pauses = []
    for _ in range(10):
        far.registration.unreachable("no way", far.now)
        before, wanted = far.now, far.wanted
        while far.wanted == wanted:
            at = far.timers.next_at
            assert at is not None
            far.pass_to(at)
        pauses.append(far.now - before)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_who_does_not_answer_is_avoided() -> None:
    far = Registrar()
    far.opened()
    far.pass_to(33.0)
    assert far.silent == [far.wire]
    assert far.states[-1] == (State.FAILED, "no answer")


def test_a_lost_connection_is_made_anew() -> None:
    far = Registrar(reliable=True)
    far.accept(far.opened())
    far.registration.close(Wire(), 1.0)
    assert far.registration.is_registered
    far.registration.close(far.wire, 1.0)
    assert far.states[-1][0] is State.FAILED
    far.pass_to(1.0 + FIRST_PAUSE)
    assert far.wanted == 2


def test_behind_a_nat_it_registers_what_the_registrar_sees() -> None:
    far = Registrar()

    def seen(asked: str) -> str:
        return asked.replace(";rport", ";received=203.0.113.9;rport=40001", 1)

    far.accept(seen(far.opened()))
    moved = next(message for message in far.pass_to(0.1) if kind(message) == "REGISTER")
    assert "Contact: <sip:line@203.0.113.9:40001>\r\n" in moved
    assert "Contact: <sip:line@198.51.100.1:5060>;expires=0\r\n" in moved
    far.accept(seen(moved))
    assert [m for m in far.pass_to(100.0) if kind(m) == "REGISTER"] == []


@pytest.mark.parametrize("code", [200, 403, 503])
def test_it_leaves_the_registrar_and_is_off_whatever_that_says(code: int) -> None:
    far = Registrar()
    far.accept(far.opened())
    far.registration.stop(1.0)
    (leave,) = far.wire.take()
    assert header(leave, "Expires") == "0"
    far.answer(leave, code)
    assert far.registration.state is State.OFF
    assert far.pass_to(2_000.0) == []
    assert len(far.timers) == 0


def test_the_service_route_is_kept() -> None:
    far = Registrar()
    far.answer(far.opened(), 200, Expires="600", Service_Route="<sip:p1.example;lr>")
    assert far.registration.service_route == ("<sip:p1.example;lr>",)
