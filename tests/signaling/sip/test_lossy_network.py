"""Calls by a network that loses messages, and phones that vanish, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from signaling.sip.call import Call
from signaling.sip.timers import Timers
from signaling.sip.transaction import T1, T2, TIMEOUT
from signaling.sip.user_agent import UserAgent
from tests.net import VirtualNetwork
from tests.signaling.sip.phone import OFFER, Phone, header, kind

CALLS = 20


class LossyWire:
    """A flow to one phone, by networks that lose."""

    transport = "udp"
    local = "198.51.100.1:5060"
    reliable = False

    def __init__(self, clock: Clock, seed: int) -> None:
        self.remote = (f"192.0.2.{seed % 250 + 1}", 5060)
        self.to_phone = VirtualNetwork[bytes](2 * seed, loss=0.1, delay_ms=40, jitter_ms=10)
        self.to_gateway = VirtualNetwork[bytes](2 * seed + 1, loss=0.1, delay_ms=40, jitter_ms=10)
        self._clock = clock

    def send(self, data: bytes) -> None:
        self.to_phone.send(data, self._clock.now)


class Clock:
    now = 0.0


class Caller:
    """A phone that repeats what is not answered, and talks for a while.

    :param vanishes_at: from then on it neither hears nor speaks.
    """

    def __init__(
        self, clock: Clock, wire: LossyWire, timers: Timers, vanishes_at: float, late: bool
    ) -> None:
        self.phone = Phone()
        self.got: list[str] = []
        self._clock, self._wire, self._timers = clock, wire, timers
        self._vanishes_at = vanishes_at
        self._late = late
        offer = "" if late else OFFER
        invite = self.phone.request("INVITE", offer, Supported="timer", Session_Expires="90")
        self._ask("INVITE", invite)

    def _ask(self, what: str, request: bytes, interval: float = T1, asked: float = 0.0) -> None:
        """As RFC 3261 §17.1 repeats it, until its answer or timer B or F."""
        self._send(request)
        if asked < TIMEOUT:
            at = self._clock.now + interval
            later = min(2 * interval, T2)
            again: Callable[[float], None] = lambda _: self._ask(  # noqa: E731
                what, request, later, asked + interval
            )
            self._timers.set((self, what), at, again)

    def _send(self, data: bytes) -> None:
        if self._clock.now < self._vanishes_at:
            self._wire.to_gateway.send(data, self._clock.now)

    def hear(self, message: str) -> None:
        if self._clock.now >= self._vanishes_at:
            return
        self.got.append(kind(message))
        if not message.startswith("SIP/2.0"):
            lines = [
                f"{name}: {header(message, name)}"
                for name in ("Via", "From", "To", "Call-ID", "CSeq")
            ]
            self._send("\r\n".join(["SIP/2.0 200 OK", *lines, "", ""]).encode())
            return
        method = header(message, "CSeq").split()[1]
        self._timers.cancel((self, method))
        if method == "INVITE" and kind(message) == "200":
            self.phone.hear(message)
            answer = OFFER if self._late else ""
            self._send(self.phone.request("ACK", answer, cseq=1))
            if (self, "hold") not in self._timers and "hold" not in self.got:
                self.got.append("hold")
                self._timers.set((self, "hold"), self._clock.now + 10.0, self._hold)
                self._timers.set((self, "leave"), self._clock.now + 45.0, self._leave)

    def _hold(self, _: float) -> None:
        update = self.phone.request("UPDATE", OFFER, Supported="timer", Session_Expires="90")
        self._ask("UPDATE", update)

    def _leave(self, _: float) -> None:
        self._ask("BYE", self.phone.request("BYE"))


class Gateway:
    """Answers every offer at once, and counts what ended."""

    def __init__(self, clock: Clock) -> None:
        self.agent = UserAgent(self)
        self._clock = clock
        self.begun = 0
        self.answers = 0
        self.offers = 0
        self.ended: list[Call] = []

    def on_call(self, call: Call, sdp: str) -> None:
        self.begun += 1
        call.accept("v=0", self._clock.now)

    def on_offer(self, call: Call, sdp: str) -> None:
        self.offers += 1
        call.accept("v=0", self._clock.now)

    def on_answer(self, call: Call, sdp: str) -> None:
        self.answers += 1

    def on_key(self, call: Call, key: str) -> None:
        pass

    def on_ended(self, call: Call) -> None:
        self.ended.append(call)


@pytest.mark.parametrize("vanish", [False, True], ids=["lossy", "vanished"])
def test_every_call_ends_and_nothing_is_left(vanish: bool) -> None:
    """10 % of the messages are lost each way; of the phones that vanish some do so while they
    ring, some before the ACK, some in the call.
    """
    clock, timers, chance = Clock(), Timers(), random.Random(7)
    gateway = Gateway(clock)
    wires = [LossyWire(clock, seed) for seed in range(CALLS)]
    callers = [
        Caller(
            clock,
            wire,
            timers,
            chance.choice([0.06, 0.1, 0.2, 5.0, 30.0]) if vanish else 1e9,
            late=bool(seed % 2),
        )
        for seed, wire in enumerate(wires)
    ]
    while True:
        due = [timers.next_at, gateway.agent.timers.next_at]
        due += [net.next_arrival for wire in wires for net in (wire.to_phone, wire.to_gateway)]
        times = [at for at in due if at is not None]
        if not times:
            break
        clock.now = max(clock.now, min(times))
        assert clock.now < 600.0, "somebody is stuck"
        timers.run_due(clock.now)
        gateway.agent.timers.run_due(clock.now)
        for wire, caller in zip(wires, callers, strict=True):
            for _, data in wire.to_gateway.deliver(clock.now):
                gateway.agent.receive(data, wire, clock.now)
            for _, data in wire.to_phone.deliver(clock.now):
                caller.hear(data.decode())
    assert len(gateway.ended) == gateway.begun == len({id(call) for call in gateway.ended})
    assert len(gateway.agent) == 0
    assert gateway.agent.is_idle
    assert gateway.agent.transactions == 0
    assert sum(wire.to_phone.stats.lost + wire.to_gateway.stats.lost for wire in wires) > 5
    if not vanish:
        assert gateway.begun == CALLS
        assert gateway.offers == CALLS, "a hold is one offer, however often it comes"
        assert gateway.answers == CALLS // 2
        assert not any("BYE" in caller.got for caller in callers), "nobody was cut off"
    else:
        assert gateway.begun > CALLS // 2
