"""One call on several phones, with a session and a door that only note what they are asked for.
With real ones: ``tests/signaling/test_phone_calls.py``.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.core.events import ErrorCode, GatewayError
from gateway.session_offer import Phone
from signaling.sip.dialling import CallState, Dialling
from signaling.sip.failure import Failure
from signaling.sip.route import Route
from tests.signaling.callers import until
from tests.signaling.sip.phone import Wire

BUSY = Failure(486, "busy here")


class Proposal:
    def __init__(self, refused: GatewayError | None) -> None:
        self._refused = refused
        self.early: list[str] = []
        self.closed = False

    async def offer(self) -> str:
        if self._refused is not None:
            raise self._refused
        return "v=0 ours"

    async def ring(self, sdp: str) -> None:
        self.early.append(sdp)

    async def close(self) -> None:
        self.closed = True


class House:
    """The session, its legs, and the door, all in one."""

    def __init__(self, phones: int = 2) -> None:
        self.id = "sess_1"
        self.legs = self
        self.end_reason = ""
        self.refused: list[GatewayError | None] = [None] * phones
        self.proposals: list[Proposal] = []
        self.placed: list[str] = []
        self.cancelled: list[tuple[str, bool]] = []
        self.joined: list[str] = []
        self.hung_up: list[str] = []
        self.adopted: list[Proposal] = []
        self.dialling = Dialling(self, self, "alice")  # type: ignore[arg-type]
        ways = [(Route(f"sip:{n}", Wire()), Phone("192.0.2.7")) for n in range(phones)]
        self.running = asyncio.create_task(self.dialling.run(ways))

    async def rings(self) -> None:
        await until(lambda: len(self.proposals) == len(self.refused))
        await asyncio.sleep(0)

    def propose(self, phone: Phone) -> Proposal:
        self.proposals.append(Proposal(self.refused[len(self.proposals)]))
        return self.proposals[-1]

    async def adopt(self, proposal: Proposal, sdp: str) -> None:
        assert all(other.closed for other in self.proposals if other is not proposal)
        if self.end_reason:
            raise GatewayError(ErrorCode.NO_SESSION, "the session has ended")
        self.adopted.append(proposal)

    def touch(self) -> None:
        pass

    def end(self, reason: str) -> None:
        self.end_reason = self.end_reason or str(reason)

    def place(self, route: Route, sdp: str, caller: Any) -> Any:
        self.placed.append(route.uri)
        return route.uri

    def cancel(self, placed: Any, *, elsewhere: bool) -> None:
        self.cancelled.append((placed, elsewhere))

    def join(self, call: Any, session: Any) -> None:
        self.joined.append(call)

    def hang_up(self, call: Any) -> None:
        self.hung_up.append(call)


async def test_the_first_answer_wins_and_the_second_is_hung_up() -> None:
    house = House(3)
    await house.rings()
    call: Any = house.dialling
    call.on_progress("sip:1", "v=0 early")
    assert call.state is CallState.RINGING
    call.on_answered("sip:1", "call 1", "v=0")
    call.on_answered("sip:0", "call 0", "v=0")
    call.on_progress("sip:2", "v=0 early")
    await house.running
    assert call.state is CallState.ESTABLISHED
    assert house.cancelled == [("sip:0", True), ("sip:2", True)]
    assert house.joined == ["call 1"]
    assert house.hung_up == ["call 0"]
    assert house.adopted == [house.proposals[1]]
    assert [each.early for each in house.proposals] == [[], ["v=0 early"], []]
    call.on_failed("sip:2", BUSY)
    assert call.state is CallState.ESTABLISHED


async def test_a_phone_that_cannot_be_offered_anything_is_one_less() -> None:
    house = House()
    house.refused[0] = GatewayError(ErrorCode.CAPACITY, "no port is free")
    await house.rings()
    assert house.placed == ["sip:1"]
    call: Any = house.dialling
    call.on_failed("sip:1", Failure(503, "service unavailable", 9))
    await house.running
    assert (call.state, call.failure.code) == (CallState.ENDED, 503)
    assert house.end_reason == "the call was not answered"
    assert all(proposal.closed for proposal in house.proposals)


@pytest.mark.parametrize("how", ["session", "caller", "declined"])
async def test_the_others_stop_ringing(how: str) -> None:
    house = House()
    await house.rings()
    call: Any = house.dialling
    if how == "session":
        house.end("the model refuses")
        call.on_session_ended()
    elif how == "caller":
        call.hang_up()
    else:
        call.on_failed("sip:0", Failure(603, "decline"))
    await house.running
    assert call.state is CallState.ENDED
    assert ("sip:1", False) in house.cancelled
    expected = {"session": "the model refuses", "caller": "cancelled", "declined": "decline"}
    assert call.reason == expected[how]
    call.on_answered("sip:1", "late", "v=0")
    assert house.hung_up == ["late"]


async def test_a_session_that_ends_before_the_phone_rings() -> None:
    house = House()
    house.dialling.on_session_ended()
    await house.running
    assert house.placed == []
    assert all(proposal.closed for proposal in house.proposals)


async def test_hanging_up_while_the_answer_is_taken() -> None:
    house = House(1)
    await house.rings()
    call: Any = house.dialling
    call.on_answered("sip:0", "call", "v=0")
    call.hang_up()
    await house.running
    assert call.state is CallState.ENDED
    assert house.adopted == []
    assert house.hung_up == ["call"]
    assert call.failure is None
