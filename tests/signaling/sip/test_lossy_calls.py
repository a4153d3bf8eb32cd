"""Our own two ends on a network that loses, delays and reorders: one calls, the other is called."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from signaling.sip.call import Call
from signaling.sip.call_table import State
from signaling.sip.failure import Failure
from signaling.sip.placed_call import PlacedCall
from signaling.sip.route import Route
from signaling.sip.timers import Run, Timers
from signaling.sip.user_agent import UserAgent
from tests.net import VirtualNetwork
from tests.signaling.sip.phone import OFFER

CALLS = 40
ANSWER = "v=0\r\nanswer"


@dataclass(eq=False)
class Path:
    """A flow: what is sent here arrives there."""

    network: VirtualNetwork[bytes]
    world: World
    remote: tuple[str, int]
    transport: str = "udp"
    local: str = "198.51.100.1:5060"
    reliable: bool = False

    def send(self, data: bytes) -> None:
        self.network.send(data, self.world.now)


@dataclass(eq=False)
class End:
    """A user agent, and all that it was told."""

    world: World
    calls: list[Call] = field(default_factory=list)
    ended: list[Call] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    holds: int = 0

    def __post_init__(self) -> None:
        self.agent = UserAgent(self)

    def on_call(self, call: Call, sdp: str) -> None:
        """Busy for some, at once or after a while."""
        self.calls.append(call)
        if self.world.chance.random() < 0.2:
            call.refuse(486, self.world.now)
        else:
            self.world.later(self.world.chance.uniform(0, 8), lambda now: call.accept(ANSWER, now))

    def on_offer(self, call: Call, sdp: str) -> None:
        self.holds += 1
        call.accept(ANSWER, self.world.now)

    def on_answer(self, call: Call, sdp: str) -> None:
        pass

    def on_key(self, call: Call, key: str) -> None:
        pass

    def on_ended(self, call: Call) -> None:
        self.ended.append(call)

    def on_progress(self, placed: PlacedCall, sdp: str) -> None:
        pass

    def on_answered(self, placed: PlacedCall, call: Call, sdp: str) -> None:
        """Talk for a while; either side hangs up."""
        assert sdp == ANSWER
        self.calls.append(call)
        self.world.later(self.world.chance.uniform(5, 1_500), call.hang_up)

    def on_failed(self, placed: PlacedCall, failure: Failure) -> None:
        self.failures.append(failure)


class World:
    def __init__(self, seed: int, loss: float) -> None:
        self.now = 0.0
        self.chance = random.Random(seed)
        self.timers = Timers()
        self.caller, self.callee = End(self), End(self)
        self.there = VirtualNetwork[bytes](2 * seed, loss=loss, delay_ms=40, jitter_ms=30)
        self.back = VirtualNetwork[bytes](2 * seed + 1, loss=loss, delay_ms=40, jitter_ms=30)
        self.to_callee = Path(self.there, self, ("192.0.2.2", 5060))
        self.to_caller = Path(self.back, self, ("192.0.2.1", 5060))

    def later(self, seconds: float, do: Run) -> None:
        self.timers.set(object(), self.now + seconds, do)

    def place(self) -> None:
        placed = self.caller.agent.place(
            Route("sip:agent@192.0.2.2", self.to_callee), OFFER, self.caller, self.now
        )
        if self.chance.random() < 0.4:
            self.later(self.chance.uniform(0, 8), placed.cancel)

    def run(self) -> None:
        ends = (self.caller, self.callee)
        while True:
            due = [self.timers.next_at, self.there.next_arrival, self.back.next_arrival]
            due += [end.agent.timers.next_at for end in ends]
            times = [at for at in due if at is not None]
            if not times:
                return
            self.now = max(self.now, min(times))
            assert self.now < 5_000.0, "somebody is stuck"
            self.timers.run_due(self.now)
            for end in ends:
                end.agent.timers.run_due(self.now)
            for _, data in self.there.deliver(self.now):
                self.callee.agent.receive(data, self.to_caller, self.now)
            for _, data in self.back.deliver(self.now):
                self.caller.agent.receive(data, self.to_callee, self.now)


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
def test_both_ends_agree_on_each_call_and_keep_nothing(loss: float) -> None:
    world = World(5, loss)
    for number in range(CALLS):
        world.later(number / 4, lambda now: world.place())
    world.run()
    caller, callee = world.caller, world.callee
    for end in (caller, callee):
        assert len(end.agent) == 0
        assert end.agent.is_idle
        assert end.agent.transactions == 0
        assert all(call.state is State.ENDED for call in end.calls)
        assert sorted(map(id, end.ended)) == sorted(map(id, end.calls)), "each ended once"
    assert len(caller.calls) + len(caller.failures) == CALLS
    assert len(callee.calls) == CALLS, "an INVITE is one call, however often it comes"
    assert len(caller.calls) > CALLS / 4
    assert {487, 486} <= {failure.code for failure in caller.failures}
    assert callee.holds == 0, "timers are refreshed by UPDATE"
