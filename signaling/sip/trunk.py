"""One trunk: a provider or a PBX that we register at, that calls us, and that calls go through."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable
from typing import Final

import structlog

from gateway.trunk_settings import SipTrunk
from signaling.sip.credentials import Credentials
from signaling.sip.link import Link, Server
from signaling.sip.message import Response
from signaling.sip.out_of_dialog import OutOfDialog
from signaling.sip.registration import Account, Registration, State
from signaling.sip.resolver import Resolver, Unreachable
from signaling.sip.route import Route
from signaling.sip.timers import Timers
from signaling.sip.transaction import Flow
from signaling.sip.transactions import Transactions
from signaling.sip.transfer import refer_to
from signaling.sip.transport import Listeners

log = structlog.get_logger(__name__)

_AWAY: Final = (408, 500, 502, 503, 504)
"""Responses by which a server says that it cannot take calls, though it answers."""

_OUR_NAME: Final = "agent"
"""Of our Contact at a trunk where we have no name."""


class TrunkError(Exception):
    """A trunk cannot be made of its settings: one sentence says why."""


class Trunk:
    """:param settle: called when there may be new deadlines.
    :param moves: whether our address may be another where the trunk is.
    :raises TrunkError: its ``ca`` cannot be read.
    """

    def __init__(
        self,
        settings: SipTrunk,
        transactions: Transactions,
        timers: Timers,
        listeners: Listeners,
        resolver: Resolver,
        settle: Callable[[], None],
        *,
        moves: bool,
    ) -> None:
        self.settings = settings
        self.domain = settings.uri.domain
        """Whose numbers are called."""
        self.is_up: bool | None = None
        """Whether it answered last; None: it was not asked yet."""
        self._timers = timers
        self._settle = settle
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = log.bind(trunk=settings.name)
        user, password = settings.user, settings.password
        address = f"sip:{user or _OUR_NAME}@{self.domain}"
        self._sender = settings.sender or (address if user is not None else None)
        self._credentials = (
            Credentials(user, password.get_secret_value())
            if user is not None and password is not None
            else None
        )
        host, port, transport = settings.uri
        server = Server(transport, host, port, _tls(settings))
        self._link = Link(server, listeners, resolver, self._is_needed)
        self._asks = OutOfDialog(transactions, address, f"sip:{self.domain}", self._credentials)
        self._registration: Registration | None = None
        if settings.registers and user is not None:
            account = Account(
                f"sip:{self.domain}", address, user, settings.expires, self._credentials, moves
            )
            self._registration = Registration(account, transactions, timers, self)

    @property
    def state(self) -> str:
        """In a word: that of its registration, or else whether it answers."""
        if self._registration is not None:
            return self._registration.state.value
        return {None: "unknown", True: "up", False: "down"}[self.is_up]

    def start(self) -> None:
        """Register, and ask now and then whether it is there."""
        now = self._loop.time()
        if self._registration is not None:
            self._registration.start(now)
        if self.settings.qualify:
            self._qualify(now)

    async def close(self) -> None:
        """Leave nothing behind; :meth:`leave` comes first."""
        self._timers.cancel((self, self._qualify))
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._link.close()

    def leave(self) -> None:
        """Tell the registrar that we go."""
        if self._registration is not None:
            self._registration.stop(self._loop.time())

    @property
    def has_left(self) -> bool:
        return self._registration is None or self._registration.state is State.OFF

    def closed(self, flow: Flow) -> None:
        """A connection closed, whichever."""
        if self._registration is not None:
            self._registration.close(flow, self._loop.time())

    def sends_by(self, flow: Flow) -> bool:
        """Whether who is at the end of ``flow`` is this trunk: it is the way that we registered
        by, or its address is one of those that were set.
        """
        address = ipaddress.ip_address(flow.remote[0])
        if any(address in network for network in self.settings.addresses):
            return True
        known = self._registration.flow if self._registration is not None else None
        if known is None or self._registration is None or not self._registration.is_registered:
            return False
        return known is flow or (flow.transport == known.transport == "udp" and _same(flow, known))

    def takes(self, target: str) -> bool:
        """Whether ``target`` is a number, or an address, that can be called through a trunk."""
        try:
            refer_to(target, self.domain)
        except ValueError:
            return False
        return True

    async def route(self, target: str) -> Route:
        """The way to a number, or to a SIP address that the trunk leads to.

        :raises ValueError: ``target`` is neither.
        :raises Unreachable: nobody is at the trunk's address.
        """
        uri = refer_to(target, self.domain)
        flow = await self._link.open()
        routes = self._registration.service_route if self._registration is not None else ()
        return Route(uri, flow, self._sender, self._credentials, trusted=True, routes=routes)

    # -- its registration, which says what it wants

    def connect(self) -> None:
        """A way to the registrar is wanted; :class:`RegistrationHandler`."""
        self._run(self._connect())

    async def _connect(self) -> None:
        registration = self._registration
        assert registration is not None
        try:
            flow = await self._link.open()
        except Unreachable as error:
            registration.unreachable(str(error), self._loop.time())
        else:
            registration.connected(flow, self._loop.time())
        self._settle()

    def on_no_answer(self, flow: Flow) -> None:
        """Who is at the end of that way does not answer; :class:`RegistrationHandler`."""
        self._link.avoid()

    def on_registration(self, state: State, reason: str) -> None:
        """It changed; :class:`RegistrationHandler`."""
        if state is State.FAILED:
            self._log.warning("registration failed", reason=reason)
        elif state in (State.REGISTERED, State.OFF):
            self._log.info("registration", state=state.value)
        self._settle()

    # -- whether it is there

    def _qualify(self, now: float) -> None:
        self._timers.set((self, self._qualify), now + self.settings.qualify, self._qualify)
        self._run(self._ask())

    async def _ask(self) -> None:
        try:
            flow = await self._link.open()
        except Unreachable as error:
            self._heard(False, str(error))
            return
        self._asks.ask(flow, "OPTIONS", f"sip:{self.domain}", tuple, self._loop.time(), self._hear)
        self._settle()

    def _hear(self, response: Response | None, now: float) -> None:
        if response is None:
            self._link.avoid()
            self._heard(False, "no answer")
        else:
            self._heard(response.code not in _AWAY, str(response.code))

    def _heard(self, up: bool, reason: str) -> None:
        if up is not self.is_up:
            self.is_up = up
            self._log.info("trunk", up=up, reason=reason)

    # -- its ways

    def _is_needed(self, flow: Flow) -> bool:
        """Calls come by the way that we registered by."""
        registration = self._registration
        return registration is not None and registration.flow is flow and not self.has_left

    def _run(self, work: asyncio._CoroutineLike[None]) -> None:
        task = self._loop.create_task(work, name=f"trunk-{self.settings.name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("trunk failed", exc_info=error)


def _same(flow: Flow, known: Flow) -> bool:
    return flow.remote == known.remote


def _tls(settings: SipTrunk) -> ssl.SSLContext | None:
    if settings.uri.transport != "tls":
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error
        raise TrunkError(f"SIP_TRUNKS: the ca of {settings.name}: {reason}") from None
