"""The tables of RFC 3261 §17, in virtual time."""

from pathlib import Path

import pytest
from sipmessage import Headers

from signaling.sip.message import Response
from signaling.sip.timers import Timers
from signaling.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    MACHINES,
    SERVER,
    Input,
    Machine,
    State,
    Transaction,
    diagram,
)
from tests.signaling.sip.phone import Wire

DOCS = Path(__file__).parents[3] / "docs" / "sip.md"


class Bench:
    """One transaction, its wire, and a clock."""

    def __init__(self, machine: Machine, *, reliable: bool = False) -> None:
        self.timers, self.wire = Timers(), Wire(reliable=reliable)
        self.told: list[float] = []
        self.ended: list[object] = []
        self.now = 0.0
        self.transaction = Transaction(
            machine,
            "key",
            self.wire,
            self.timers,
            self.ended.append,
            lambda response, now: self.told.append(now),
            lambda refusal: b"ACK sip:a@b SIP/2.0",
        )

    def pass_to(self, until: float) -> list[float]:
        """When something was sent until then."""
        sent: list[float] = []
        while (at := self.timers.next_at) is not None and at <= until:
            self.now = at
            self.timers.run_due(at)
            sent += [at] * len(self.wire.take())
        self.now = until
        return sent


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_each_state_can_be_reached_and_left(machine: Machine) -> None:
    reached = {machine.start} | {state for state, _ in machine.transitions.values()}
    left = {state for state, _ in machine.transitions}
    assert reached - left == {State.TERMINATED}
    for state, timers in machine.timers.items():
        assert all((state, timer) in machine.transitions for timer in timers)


def test_a_refused_invite_is_repeated_until_its_ack() -> None:
    bench = Bench(INVITE_SERVER)
    bench.transaction.respond(486, b"SIP/2.0 486 Busy Here", 0.0)
    assert bench.wire.codes == ["486"]
    assert bench.pass_to(8.0) == [0.5, 1.5, 3.5, 7.5]
    bench.transaction.feed(Input.ACK, 8.0)
    assert bench.pass_to(12.9) == []
    assert bench.ended == []
    assert bench.pass_to(13.0) == []
    assert bench.ended == ["key"], "after T4"


def test_a_refused_invite_without_ack_ends_after_32_s() -> None:
    bench = Bench(INVITE_SERVER)
    bench.transaction.respond(486, b"SIP/2.0 486 Busy Here", 0.0)
    assert bench.wire.codes == ["486"]
    assert bench.pass_to(40.0) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.ended == ["key"]
    assert len(bench.timers) == 0


def test_a_copy_gets_the_last_response_and_none_after_a_2xx() -> None:
    bench = Bench(INVITE_SERVER)
    bench.transaction.respond(100, b"SIP/2.0 100 Trying", 0.0)
    bench.transaction.feed(Input.COPY, 0.1)
    assert bench.wire.codes == ["100", "100"]
    bench.transaction.respond(200, b"SIP/2.0 200 OK", 0.2)
    bench.transaction.feed(Input.COPY, 0.3)
    bench.transaction.respond(487, b"SIP/2.0 487 Request Terminated", 0.4)
    assert bench.wire.codes == ["200"], "the call repeats it, and nothing else is said"
    assert bench.pass_to(32.1) == []
    assert bench.ended == []
    bench.pass_to(32.2)
    assert bench.ended == ["key"]


def test_another_request_is_answered_from_what_is_kept() -> None:
    bench = Bench(SERVER)
    bench.transaction.respond(200, b"SIP/2.0 200 OK", 0.0)
    bench.transaction.feed(Input.COPY, 31.9)
    assert bench.wire.codes == ["200", "200"]
    bench.pass_to(32.0)
    bench.transaction.feed(Input.COPY, 32.1)
    assert bench.wire.codes == []
    assert bench.ended == ["key"]


def test_a_request_of_ours_is_repeated_until_it_is_answered() -> None:
    bench = Bench(CLIENT)
    bench.transaction.begin(b"BYE sip:a@b SIP/2.0", 0.0)
    assert bench.wire.codes == ["BYE"]
    assert bench.pass_to(4.0) == [0.5, 1.5, 3.5]
    bench.transaction.feed(Input.PROVISIONAL, 4.0)
    assert bench.pass_to(12.0) == [7.5, 11.5]
    bench.transaction.feed(Input.SUCCESS, 12.0)
    bench.transaction.feed(Input.SUCCESS, 12.1)
    assert bench.told == [12.0]
    assert bench.pass_to(17.0) == []
    assert bench.ended == ["key"]


def test_a_request_of_ours_gives_up() -> None:
    bench = Bench(CLIENT)
    bench.transaction.begin(b"BYE sip:a@b SIP/2.0", 0.0)
    assert bench.wire.codes == ["BYE"]
    assert len(bench.pass_to(60.0)) == 10
    assert bench.told == [32.0]
    assert bench.ended == ["key"]


REFUSAL = Response(486, Headers(), "", "INVITE")


def test_an_invite_of_ours_is_repeated_until_anything_comes() -> None:
    """RFC 3261 §17.1.1: timer A doubles without end; timer B ends it."""
    bench = Bench(INVITE_CLIENT)
    bench.transaction.begin(b"INVITE sip:a@b SIP/2.0", 0.0)
    assert bench.wire.codes == ["INVITE"]
    assert bench.pass_to(60.0) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bench.told == [32.0]
    assert bench.ended == ["key"]
    bench = Bench(INVITE_CLIENT)
    bench.transaction.begin(b"INVITE sip:a@b SIP/2.0", 0.0)
    bench.pass_to(1.0)
    bench.transaction.feed(Input.PROVISIONAL, 1.0)
    assert bench.pass_to(1_000.0) == [], "who rings may ring long"
    bench.transaction.feed(Input.ABANDON, 1_000.0)
    assert bench.told == [1.0, 1_000.0]
    assert bench.ended == ["key"]


def test_a_refusal_of_our_invite_gets_its_ack_each_time() -> None:
    bench = Bench(INVITE_CLIENT)
    bench.transaction.begin(b"INVITE sip:a@b SIP/2.0", 0.0)
    bench.wire.take()
    for at in (1.0, 2.0, 4.0):
        bench.transaction.feed(Input.FAILURE, at, heard=REFUSAL)
    assert bench.wire.codes == ["ACK"] * 3
    assert bench.told == [1.0]
    bench.pass_to(32.9)
    assert bench.ended == []
    bench.pass_to(33.0)
    assert bench.ended == ["key"]


def test_each_2xx_to_our_invite_is_told() -> None:
    """RFC 6026: several phones may have answered, and each may say so again."""
    bench = Bench(INVITE_CLIENT)
    bench.transaction.begin(b"INVITE sip:a@b SIP/2.0", 0.0)
    bench.wire.take()
    for at in (1.0, 2.0):
        bench.transaction.feed(Input.SUCCESS, at)
    assert bench.told == [1.0, 2.0]
    assert bench.wire.codes == [], "the ACK is the call's"
    bench.pass_to(33.0)
    assert bench.ended == ["key"]


@pytest.mark.parametrize(
    ("machine", "code"), [(INVITE_SERVER, 486), (SERVER, 200)], ids=["INVITE", "other"]
)
def test_nothing_is_repeated_where_nothing_is_lost(machine: Machine, code: int) -> None:
    bench = Bench(machine, reliable=True)
    bench.transaction.respond(code, f"SIP/2.0 {code} X".encode(), 0.0)
    bench.wire.take()
    assert bench.pass_to(31.0) == []
    bench.transaction.feed(Input.ACK, 31.0)
    bench.pass_to(31.0)
    assert bench.ended == ["key"], "nobody is waited for"


def test_the_documentation_has_the_tables() -> None:
    for machine in MACHINES:
        assert diagram(machine) in DOCS.read_text()
        assert diagram(machine).count("-->") == len(machine.transitions) + 1
