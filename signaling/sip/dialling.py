"""A call to somebody, on all their phones at once, and the session that has it.

Each phone that rings has an INVITE and a leg of its own, as phones differ in what they speak. The
first to be answered gets the session; the others stop ringing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from enum import Enum
from typing import Final, Protocol

import structlog

from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError
from gateway.session import Session
from gateway.session_offer import Phone
from gateway.session_proposal import Proposal
from signaling.sip.call import Call
from signaling.sip.failure import CANCELLED, Failure
from signaling.sip.placed_call import Caller, PlacedCall
from signaling.sip.route import Route

log = structlog.get_logger(__name__)

PREFIX: Final = "call_"

_CODES: Final = {ErrorCode.CAPACITY: 503, ErrorCode.NEGOTIATION_FAILED: 488}


class CallState(Enum):
    CALLING = "calling"
    RINGING = "ringing"
    ESTABLISHED = "established"
    ENDED = "ended"


class Operator(Protocol):
    """Whoever has the lines: the door."""

    def place(self, route: Route, sdp: str, caller: Caller) -> PlacedCall:
        """Call a phone."""

    def cancel(self, placed: PlacedCall, *, elsewhere: bool) -> None:
        """Let it ring no more."""

    def join(self, call: Call, session: Session) -> None:
        """A call and a session belong together from now on: one ends with the other."""

    def hang_up(self, call: Call) -> None: ...


class Dialling(Caller):
    """:meth:`run` calls; :attr:`state` says how far it is.

    :param to: who was asked for, for whoever looks.
    """

    def __init__(self, operator: Operator, session: Session, to: str) -> None:
        self.id = f"{PREFIX}{secrets.token_hex(16)}"
        self.to = to
        self.session = session
        self.state = CallState.CALLING
        self.failure: Failure | None = None
        """Why it was not answered."""
        self._operator = operator
        self._ways = 0
        self._proposals: list[Proposal] = []
        self._ringing: dict[PlacedCall, Proposal] = {}
        self._failures: list[Failure] = []
        self._winner: PlacedCall | None = None
        self._decided = asyncio.Event()
        self._tasks = asyncio.TaskGroup()

    @property
    def reason(self) -> str:
        """Why the call is over; empty while it is not."""
        if self.state is not CallState.ENDED:
            return ""
        return self.failure.reason if self.failure is not None else self.session.end_reason

    async def run(self, ways: Sequence[tuple[Route, Phone]]) -> None:
        """Ring until somebody answers, or nobody will.

        :param ways: to each phone.
        """
        self._ways = len(ways)
        try:
            with structlog.contextvars.bound_contextvars(session=self.session.id):
                async with self._tasks as tasks:
                    for route, phone in ways:
                        tasks.create_task(self._ring(route, phone), name="sip-ring")
                    await self._decided.wait()
        finally:
            self._stop_ringing(elsewhere=False)
            for proposal in self._proposals:
                await proposal.close()

    async def _ring(self, route: Route, phone: Phone) -> None:
        proposal = self.session.legs.propose(phone)
        self._proposals.append(proposal)
        try:
            sdp = await proposal.offer()
        except GatewayError as error:
            self._fail(Failure(_CODES.get(error.code, 500), error.message))
            return
        if not self._decided.is_set():
            self._ringing[self._operator.place(route, sdp, self)] = proposal

    # -- what phones say

    def on_progress(self, placed: PlacedCall, sdp: str) -> None:
        """A phone rings; :class:`Caller`."""
        if self._winner is not None or self._decided.is_set():
            return
        self.state = CallState.RINGING
        self.session.touch()
        if sdp:
            self._tasks.create_task(self._ringing[placed].ring(sdp), name="sip-early-media")

    def on_answered(self, placed: PlacedCall, call: Call, sdp: str) -> None:
        """A phone was answered; :class:`Caller`."""
        if self._winner is not None or self._decided.is_set():
            self._operator.hang_up(call)  # Two at once.
            return
        self._winner = placed
        proposal = self._ringing.pop(placed)
        self._stop_ringing(elsewhere=True)
        self._operator.join(call, self.session)
        # In this order: when the agent speaks, no other leg may take what it says.
        for other in self._proposals:
            if other is not proposal:
                self._tasks.create_task(other.close(), name="sip-close-leg")
        self._tasks.create_task(self._adopt(proposal, call, sdp), name="sip-adopt")

    async def _adopt(self, proposal: Proposal, call: Call, sdp: str) -> None:
        try:
            self.session.touch()
            await self.session.legs.adopt(proposal, sdp)
            if self.state is not CallState.ENDED:
                self.state = CallState.ESTABLISHED
        except GatewayError as error:
            log.info("answer not taken", code=error.code.value, reason=error.message)
            self._operator.hang_up(call)
            self._end(Failure(_CODES.get(error.code, 500), error.message))
        finally:
            self._decided.set()

    def on_failed(self, placed: PlacedCall, failure: Failure) -> None:
        """A phone will not be answered; :class:`Caller`."""
        self._ringing.pop(placed, None)
        self._fail(failure)

    # -- the end

    def _fail(self, failure: Failure) -> None:
        """One phone less. Who declines, declines for all (RFC 3261 §16.7, step 5)."""
        self._failures.append(failure)
        if self._winner is not None or self._decided.is_set():
            return
        if len(self._failures) == self._ways or failure.code >= 600:
            self._end(min(self._failures, key=lambda each: each.rank))

    def _end(self, failure: Failure) -> None:
        if self.state is not CallState.ENDED:
            log.info("not answered", code=failure.code, reason=failure.reason)
            self.failure = failure
            self.state = CallState.ENDED
            self.session.end(Ending.UNANSWERED)
        self._decided.set()

    def hang_up(self) -> None:
        """End the call, whatever its state."""
        if self._winner is None:
            self._end(CANCELLED)
            self._stop_ringing(elsewhere=False)
        else:
            self.state = CallState.ENDED
            self.session.end(Ending.CONTROLLED)

    def on_session_ended(self) -> None:
        """Nothing is left of the session, whyever."""
        self.state = CallState.ENDED
        self._decided.set()
        self._stop_ringing(elsewhere=False)

    def _stop_ringing(self, *, elsewhere: bool) -> None:
        for placed in list(self._ringing):
            self._operator.cancel(placed, elsewhere=elsewhere)
        self._ringing.clear()
