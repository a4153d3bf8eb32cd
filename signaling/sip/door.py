"""Phones and sessions joined: a call is answered by a session, and ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from gateway.audit.actor import acting
from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError, SessionEvent, Status, StatusChanged
from gateway.session import Session
from gateway.session_offer import Phone
from gateway.sessions import Sessions
from gateway.sip_settings import SipAddress
from gateway.trunk_settings import SipTrunk
from signaling.origins import Origins
from signaling.ringing import Declined
from signaling.sip.call import Call, Offer
from signaling.sip.caller_facts import caller_facts
from signaling.sip.dialling import Dialling
from signaling.sip.digest import Digest
from signaling.sip.line import PhoneLine
from signaling.sip.message import warning
from signaling.sip.placed_call import Caller, PlacedCall
from signaling.sip.reception import Reception
from signaling.sip.route import Route
from signaling.sip.transaction import Flow
from signaling.sip.transport import Listeners
from signaling.sip.trunk import Trunk
from signaling.sip.trunks import Trunks
from signaling.sip.user_agent import RETRY_AFTER, UserAgent
from signaling.sip.ways import ways_to
from signaling.sip.websocket import WebSocketDoor

log = structlog.get_logger(__name__)

ANY_AGENT: Final = ("", "agent")
"""Names under which the agents of ``AGENT_SET`` are called."""

LAST_WORDS: Final = 1.0
"""Seconds that phones have to answer the last BYE when the gateway stops."""

_REFUSALS: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.CAPACITY: 503,
    ErrorCode.BAD_REQUEST: 404,
    ErrorCode.NEGOTIATION_FAILED: 488,
    ErrorCode.NO_SESSION: 480,
}


@dataclass(frozen=True, slots=True)
class SipStats:
    """How the door fares now.

    :ivar calls: in progress; ``registrations``: ways to phones that registered.
    :ivar refused_messages, refused_calls: because their address sent too many, since the start.
    """

    calls: int
    transactions: int
    registrations: int
    refused_messages: int
    refused_calls: int


class SipCannotListen(Exception):
    """An address of ``SIP_LISTEN`` cannot be had: one sentence says why."""


@dataclass(frozen=True, slots=True)
class SipOptions:
    """What the door was told.

    :ivar users: passwords by name; empty: anybody may call.
    :ivar public: our addresses as phones see them; empty: those they reach.
    :ivar closed: without ``users``, nobody but trunks may call.
    :ivar transfer_to: whom callers get who want a person: a number or SIP address.
    """

    listen: Sequence[SipAddress] = ()
    users: Mapping[str, str] | None = None
    public: Sequence[str] = ()
    tls: ssl.SSLContext | None = None
    trunks: Sequence[SipTrunk] = ()
    closed: bool = False
    transfer_to: str | None = None


class _Line:
    """One call and its session."""

    def __init__(self, door: SipDoor, call: Call) -> None:
        self._door = door
        self.call = call
        self.session: Session | None = None

    def on_session_event(self, event: SessionEvent) -> None:
        if isinstance(event, StatusChanged) and event.status is Status.DISCONNECTED:
            self._door.hang_up(self.call)

    def on_displaced(self) -> None:
        """Nobody else knows the session's token."""


class SipDoor:
    """All phones: those of ``SIP_LISTEN``, and those on the WebSocket."""

    def __init__(
        self, sessions: Sessions, origins: Origins, options: SipOptions, reception: Reception
    ) -> None:
        self._sessions = sessions
        self._reception = reception
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._agent = UserAgent(
            self,
            Digest(options.users) if options.users else None,
            lambda flow: self.trunks.of(flow) is not None,
            closed=options.closed,
        )
        self._listeners = Listeners(self._receive, self._closed, options.public, options.tls)
        self.trunks = Trunks(
            options.trunks,
            self._agent.requests,
            self._agent.timers,
            self._listeners,
            self._settle,
            options.public,
        )
        self._websockets = WebSocketDoor(self._receive, self._closed, origins)
        self._lines: dict[Call, _Line] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def routes(self) -> list[web.RouteDef]:
        return self._websockets.routes()

    @property
    def addresses(self) -> Sequence[SipAddress]:
        """Where phones reach us, besides the WebSocket."""
        return self._listeners.addresses

    @property
    def is_listening(self) -> bool:
        """Whether it still does, wherever it did."""
        return self._listeners.are_open

    @property
    def stats(self) -> SipStats:
        agent = self._agent
        return SipStats(
            len(agent),
            agent.transactions,
            len(agent.registrar),
            agent.messages.refused,
            agent.new_calls.refused,
        )

    async def start(self) -> None:
        """Listen.

        :raises SipCannotListen: an address is taken, or not of this machine.
        """
        for address in self._options.listen:
            try:
                await self._listeners.listen(address)
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else str(error)
                raise SipCannotListen(
                    f"cannot listen on SIP_LISTEN={address}: {reason.lower()}"
                ) from None
        self.trunks.start()

    async def dial(
        self, to: str, agent_set: str | None = None, sender: str | None = None
    ) -> Dialling:
        """Call somebody; what comes of it, the returned object knows.

        :param to: a name that phones registered under, or what a trunk leads to.
        :param agent_set: who talks; None: the agents of ``AGENT_SET``.
        :param sender: who calls, as the phone shows it: a name, or a SIP URI.
        :raises BadAddress: ``to`` or ``sender`` is none.
        :raises NotReachable: there is no way to ``to``.
        :raises GatewayError: as :meth:`Sessions.admit`.
        """
        self._sessions.admit(agent_set)
        routes = await ways_to(to, sender, self._agent.registrar, self.trunks)
        session = self._sessions.open(
            "sip", door="sip_out", agent_set=agent_set, ends_with_leg=True
        )
        dialling = Dialling(self, session, to)
        self._sessions.when_ended(session, dialling.on_session_ended)
        ways = [(route, self._phone(route.flow, trusted=route.trusted)) for route in routes]
        self._sessions.audit.happened("call.dialled", acting(), session.id, to=to)
        log.info("dial", session=session.id, phones=len(ways))
        self._own(dialling.run(ways), "sip-dial")
        return dialling

    async def close(self) -> None:
        """Hang up what is left, and leave nothing behind. The sessions have ended."""
        for call in list(self._lines):
            self.hang_up(call)
        await self.trunks.close(LAST_WORDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self._idle.wait()
        if self._answering:
            await asyncio.wait(self._answering)
        await self._reception.close()
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._websockets.close()
        await self._listeners.close()

    # -- in time

    def _receive(self, data: bytes, flow: Flow) -> None:
        self._agent.receive(data, flow, self._loop.time())
        self._settle()

    def _closed(self, flow: Flow) -> None:
        self._agent.close(flow, self._loop.time())
        self.trunks.closed(flow)
        if not self._is_closed:  # The last connections close after it.
            self._settle()

    def _settle(self) -> None:
        """Look at the clock again when the next deadline comes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (at := self._agent.timers.next_at) is not None:
            self._timer = self._loop.call_at(at, self._run_due)
        if self._agent.is_idle:
            self._idle.set()
        else:
            self._idle.clear()

    def _run_due(self) -> None:
        self._agent.timers.run_due(self._loop.time())
        self._settle()

    # -- calls

    def on_call(self, call: Call, sdp: str) -> None:
        """Somebody calls; :class:`CallHandler`."""
        log.info("call", transport=call.dialog.flow.transport)
        self._lines[call] = _Line(self, call)
        self.on_offer(call, sdp)

    def on_offer(self, call: Call, sdp: str) -> None:
        """An offer is to be answered; :class:`CallHandler`."""
        self._own(self._answer(call, sdp, call.offer), "sip-answer")

    def _own(self, work: Coroutine[None, None, None], name: str) -> None:
        task = self._loop.create_task(work, name=name)
        self._answering.add(task)
        task.add_done_callback(self._answered)

    def _phone(self, flow: Flow, *, trusted: bool = False) -> Phone:
        return Phone(
            flow.remote[0],
            trusted=trusted or bool(self._options.users),
            secure=flow.transport == "tls",
            browser=flow.transport in ("ws", "wss"),
        )

    async def _answer(self, call: Call, sdp: str, offer: Offer | None) -> None:
        line = self._lines.get(call)
        if line is None or offer is None:
            return
        trunk = self.trunks.of(call.dialog.flow)
        phone = self._phone(call.dialog.flow, trusted=trunk is not None)
        try:
            if line.session is None:
                agent_set = self._agents_of(call.user, trunk)
                context = _context(call, by_trunk=trunk is not None)
                async with self._reception.session(call, agent_set, context) as session:
                    line.session = session
                    session.call.line = PhoneLine(call, self._settle, self._options.transfer_to)
                    answer = await session.offer(sdp, phone)
                    session.attach(line)
            else:
                answer = await line.session.offer(sdp, phone)
            call.accept(answer, self._loop.time(), offer)
        except GatewayError as error:
            log.info("call refused", code=error.code.value, reason=error.message)
            code = _REFUSALS.get(error.code, 500)
            extra = {503: ("Retry-After", RETRY_AFTER), 488: warning(error.message)}.get(code)
            call.refuse(code, self._loop.time(), (extra,) if extra else (), offer)
        except Declined as declined:
            log.info("call declined", code=declined.code)
            call.refuse(declined.code, self._loop.time(), offer=offer)
        finally:
            # Whatever failed, the phone gets to know; changes nothing once it was answered.
            call.refuse(500, self._loop.time(), offer=offer)
            self._settle()

    def _agents_of(self, called: str, trunk: Trunk | None) -> str | None:
        """The set that answers; None: that of ``AGENT_SET``."""
        if called in ANY_AGENT:
            called = ""
        if trunk is None:
            return called or None
        if trunk.settings.agent_set is not None:
            return trunk.settings.agent_set
        # A trunk calls by number, and a number is no name of a set.
        return called if called and self._sessions.knows_agents(called) else None

    def on_answer(self, call: Call, sdp: str) -> None:
        """The answer to an offer of ours; :class:`CallHandler`."""
        self._own(self._take_answer(call, sdp), "sip-take-answer")

    async def _take_answer(self, call: Call, sdp: str) -> None:
        line = self._lines.get(call)
        if line is None or line.session is None:
            return
        taken = False
        try:
            await line.session.accept_answer(sdp)
            taken = True
        except GatewayError as error:
            log.info("answer not taken", code=error.code.value, reason=error.message)
        finally:
            if not taken:
                self.hang_up(call)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("call failed", exc_info=error)

    def on_key(self, call: Call, key: str) -> None:
        """A key was pressed; :class:`CallHandler`."""
        line = self._lines.get(call)
        if line is not None and line.session is not None:
            line.session.press(key)

    def on_ended(self, call: Call) -> None:
        """The call is over; :class:`CallHandler`."""
        self._reception.leave(call)
        line = self._lines.pop(call, None)
        if line is not None and line.session is not None:
            line.session.end(Ending.PASSED_ON if call.is_passed_on else Ending.HUNG_UP)

    # -- calls of ours

    def place(self, route: Route, sdp: str, caller: Caller) -> PlacedCall:
        """Call a phone; :class:`Operator`."""
        placed = self._agent.place(route, sdp, caller, self._loop.time())
        self._settle()
        return placed

    def cancel(self, placed: PlacedCall, *, elsewhere: bool) -> None:
        """Let it ring no more; :class:`Operator`."""
        placed.cancel(self._loop.time(), elsewhere=elsewhere)
        self._settle()

    def join(self, call: Call, session: Session) -> None:
        """A call of ours was answered; :class:`Operator`."""
        self._lines[call] = line = _Line(self, call)
        line.session = session
        session.call.line = PhoneLine(call, self._settle, self._options.transfer_to)
        session.attach(line)

    def hang_up(self, call: Call) -> None:
        """The session ended, whyever."""
        call.hang_up(self._loop.time())
        self._settle()


def _context(call: Call, *, by_trunk: bool) -> str | None:
    """What the agent is told of the caller."""
    if call.offer is None:
        return None
    return caller_facts(call.offer.asked.headers, call.user, by_trunk=by_trunk) or None
