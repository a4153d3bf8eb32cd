"""Calls of a gateway to a phone that has registered, with one of its sessions at our end."""

from __future__ import annotations

import asyncio

from gateway.session import Session
from gateway.session_offer import Phone
from signaling.app import Gateway
from signaling.sip.call import Call
from signaling.sip.door import _Line
from signaling.sip.failure import Failure
from signaling.sip.line import PhoneLine
from signaling.sip.placed_call import Caller, PlacedCall
from signaling.sip.route import Route


class Placed(Caller):
    """One call."""

    def __init__(self, gateway: Gateway) -> None:
        assert gateway.sip is not None
        assert gateway.sessions is not None
        self._door = gateway.sip
        self._loop = asyncio.get_running_loop()
        self._answering: asyncio.Task[None] | None = None
        self.session: Session = gateway.sessions.open("sip", ends_with_leg=True)
        self.rings = asyncio.Event()
        self.failure: asyncio.Future[Failure] = self._loop.create_future()

    async def place(self, name: str) -> None:
        (binding,) = self._door._agent.registrar.of(name)
        sdp = await self.session.offer("", Phone(binding.flow.remote[0], browser=True))
        route = Route(binding.contact, binding.flow)
        self._placed = self._door._agent.place(route, sdp, self, self._loop.time())
        self._door._settle()

    def cancel(self) -> None:
        self._placed.cancel(self._loop.time())
        self._door._settle()

    def on_progress(self, placed: PlacedCall, sdp: str) -> None:
        self.rings.set()

    def on_answered(self, placed: PlacedCall, call: Call, sdp: str) -> None:
        line = self._door._lines[call] = _Line(self._door, call)
        line.session = self.session
        self.session.call.line = PhoneLine(call, self._door._settle)
        self.session.attach(line)
        self._answering = self._loop.create_task(self.session.accept_answer(sdp))

    def on_failed(self, placed: PlacedCall, failure: Failure) -> None:
        self.session.end("not answered")
        self.failure.set_result(failure)


async def place(gateway: Gateway, name: str) -> Placed:
    """Call a phone that has registered once."""
    placed = Placed(gateway)
    await placed.place(name)
    return placed
