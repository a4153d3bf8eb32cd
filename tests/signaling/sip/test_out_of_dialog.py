from __future__ import annotations

from signaling.sip.credentials import Credentials
from signaling.sip.message import Request, Response, parse
from signaling.sip.out_of_dialog import OutOfDialog
from signaling.sip.timers import Timers
from signaling.sip.transaction import Transaction
from signaling.sip.transactions import Transactions
from tests.signaling.sip.callee import reply
from tests.signaling.sip.phone import Wire, header

CHALLENGE = 'Digest realm="acme", nonce="n1", qop="auth"'


class Asking:
    """Asks one server, and hears of it."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self.wire = Wire()
        self.heard: list[Response | None] = []
        self.transactions = Transactions(self, Timers())
        self.asks = OutOfDialog(self.transactions, "sip:us@a", "sip:them@b", credentials)

    def on_request(self, request: Request, transaction: Transaction, now: float) -> None: ...

    def on_ack(self, request: Request, now: float) -> None: ...

    def ask(self) -> str:
        self.asks.ask(
            self.wire, "OPTIONS", "sip:b", tuple, 0.0, lambda answer, _: self.heard.append(answer)
        )
        (asked,) = self.wire.take()
        return asked

    def answer(self, asked: str, code: int, **headers: str) -> list[str]:
        self.transactions.receive(parse(reply(asked, code, **headers)), self.wire, 0.0)
        return self.wire.take()


def test_numbers_go_up_and_the_rest_stays() -> None:
    us = Asking()
    first, second = us.ask(), us.ask()
    assert header(first, "Call-ID") == header(second, "Call-ID")
    assert header(first, "From") == header(second, "From")
    assert int(header(second, "CSeq").split()[0]) == int(header(first, "CSeq").split()[0]) + 1
    assert header(first, "Via") != header(second, "Via")


def test_a_challenge_is_answered_once_and_not_without_credentials() -> None:
    us = Asking(Credentials("us", "secret"))
    (again,) = us.answer(us.ask(), 407, Proxy_Authenticate=CHALLENGE)
    assert "Digest" in header(again, "Proxy-Authorization")
    assert us.heard == []
    assert us.answer(again, 407, Proxy_Authenticate=CHALLENGE) == []
    assert us.heard[0] is not None
    assert us.heard[0].code == 407
    poor = Asking()
    assert poor.answer(poor.ask(), 401, WWW_Authenticate=CHALLENGE) == []
    assert len(poor.heard) == 1


def test_the_address_that_is_seen_is_known() -> None:
    us = Asking()
    asked = us.ask()
    assert us.asks.seen_as is None
    via = header(asked, "Via")
    us.answer(asked.replace(via, via.replace(";rport", ";rport=7;received=203.0.113.9")), 200)
    assert us.asks.seen_as == ("203.0.113.9", 7)
