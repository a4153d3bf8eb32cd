"""What agents can do with the call of their session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, Protocol

from gateway.agents.call_control import CallControl
from gateway.core.events import AgentEvent, SessionEvent
from gateway.core.goodbye import Goodbye
from gateway.media.leg import DiallingLeg, KeysNotTaken

LAST_WORDS: Final = 10.0
"""Seconds that a transfer waits for the end of what is being said."""


class CallLine(Protocol):
    """The signaling of a telephone's call: what no leg knows of."""

    @property
    def prefers_signaling(self) -> bool:
        """Whether keys should go this way, though its media take some."""

    async def transfer(self, target: str | None) -> None:
        """Pass the caller on, and wait until the other side took it; the call ends then.

        :param target: a phone number or SIP address; None: the person that the gateway has.
        :raises TransferRefused: it did not; the call goes on.
        :raises NotPossible: now, on this phone, or to this target.
        """

    async def press(self, keys: str) -> None:
        """Press keys of ``0-9*#A-D``, one after the other.

        :raises NotPossible: the phone takes none, or not all.
        """


class SessionCall(CallControl):
    """The call as its leg and its signaling allow it.

    :ivar line: None: whoever calls does not telephone.
    :param leg: what carries the caller now.
    """

    def __init__(self, leg: Callable[[], object], emit: Callable[[SessionEvent], None]) -> None:
        self.line: CallLine | None = None
        self._leg = leg
        self._emit = emit
        self._clock = asyncio.get_running_loop().time
        self.goodbye = Goodbye()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def note_quiet(self, quiet: bool) -> None:
        """Whether nobody speaks, or is about to."""
        if quiet:
            self._quiet.set()
        else:
            self._quiet.clear()

    def hang_up(self, reason: str) -> None:
        self.goodbye.wish(self._clock())
        self._emit(AgentEvent({"type": "hang_up", "reason": reason}))

    async def transfer(self, target: str | None) -> None:
        if self.line is None:
            await super().transfer(target)
            return
        # A phone that is asked to call somebody else may not listen any more.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self._quiet.wait()
        await self.line.transfer(target)

    async def send_dtmf(self, keys: str) -> None:
        leg, line = self._leg(), self.line
        if line is None:
            await super().send_dtmf(keys)
            return
        if isinstance(leg, DiallingLeg) and not line.prefers_signaling:
            try:
                await leg.send_dtmf(keys)
            except KeysNotTaken as refused:
                keys = refused.rest
            else:
                return
        await line.press(keys)
