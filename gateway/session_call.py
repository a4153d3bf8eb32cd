"""What agents can do with the call of their session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.agents.call_control import CallControl, NotPossible
from gateway.core.events import AgentEvent, SessionEvent
from gateway.core.goodbye import Goodbye
from gateway.media.leg import DiallingLeg, TransferableLeg, TransferRefused


class SessionCall(CallControl):
    """The call as its leg allows it.

    :param leg: what carries the caller now.
    """

    def __init__(self, leg: Callable[[], object], emit: Callable[[SessionEvent], None]) -> None:
        self._leg = leg
        self._emit = emit
        self._clock = asyncio.get_running_loop().time
        self.goodbye = Goodbye()

    def hang_up(self, reason: str) -> None:
        self.goodbye.wish(self._clock())
        self._emit(AgentEvent({"type": "hang_up", "reason": reason}))

    async def transfer(self, target: str) -> None:
        leg = self._leg()
        if isinstance(leg, TransferableLeg):
            try:
                await leg.transfer(target)
            except TransferRefused as refused:
                raise NotPossible(str(refused)) from None
        else:
            await super().transfer(target)

    async def send_dtmf(self, keys: str) -> None:
        leg = self._leg()
        if isinstance(leg, DiallingLeg):
            await leg.send_dtmf(keys)
        else:
            await super().send_dtmf(keys)
