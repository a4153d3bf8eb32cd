"""Which transaction a message belongs to."""

from signaling.sip.message import Request, parse
from signaling.sip.outgoing import Outgoing
from signaling.sip.timers import Timers
from signaling.sip.transaction import Transaction
from signaling.sip.transactions import Transactions
from tests.signaling.sip.phone import Phone, Wire


class User:
    def __init__(self) -> None:
        self.told: list[str] = []

    def on_request(self, request: Request, transaction: Transaction, now: float) -> None:
        self.told.append(request.method)

    def on_ack(self, request: Request, now: float) -> None:
        self.told.append("ACK")


def told(*messages: bytes) -> list[str]:
    """What the user hears of them."""
    user = User()
    transactions = Transactions(user, Timers())
    for message in messages:
        transactions.receive(parse(message), Wire(), 0.0)
    return user.told


def test_a_branch_and_its_sender_make_a_transaction() -> None:
    phone = Phone()
    invite = phone.invite(branch="z9hG4bK-1")
    elsewhere = invite.replace(b"10.0.0.7:5060", b"10.0.0.8:5060")
    assert told(invite, invite, elsewhere) == ["INVITE", "INVITE"]
    assert told(invite, phone.request("CANCEL", cseq=1, branch="z9hG4bK-1")) == ["INVITE", "CANCEL"]
    assert told(invite, phone.ack(branch="z9hG4bK-1")) == ["INVITE"]
    assert told(invite, phone.ack()) == ["INVITE", "ACK"]


def test_without_the_magic_cookie_all_of_it_counts() -> None:
    """RFC 2543: branches are not unique."""
    phone = Phone()
    first, second = phone.invite(branch="1"), phone.invite(branch="1")
    assert told(first, first, second) == ["INVITE", "INVITE"]


def test_a_response_to_nothing_is_dropped() -> None:
    assert told(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=b\r\nCSeq: 1 BYE\r\n\r\n") == []


def test_whoever_waits_for_a_response_is_told_when_its_flow_closes() -> None:
    transactions, told = Transactions(User(), Timers()), list[object]()
    closed, other = Wire(transport="tcp", reliable=True), Wire(transport="tcp", reliable=True)
    for number, wire in enumerate((closed, other)):
        via = ("Via", f"SIP/2.0/TCP a;branch=z9hG4bK-{number}")
        asked = Outgoing("BYE", "sip:a", (via,))
        transactions.send(wire, asked, 0.0, lambda *said: told.append(said))
    transactions.close(closed, 1.0)
    transactions.close(closed, 2.0)
    assert told == [(None, 1.0)]
    assert transactions.awaits_responses
    assert len(transactions) == 1
