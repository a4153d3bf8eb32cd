"""A registration of ours at somebody's registrar (RFC 3261 §10.2).

Theory of operation. A way to the registrar is opened, a REGISTER sent by it, and sent again when
most of the time is over that was granted. Whatever fails is tried again after a pause that doubles
with each failure and has a random part, so that many gateways do not come back at once; what is
refused for a reason that will not go away by itself, a wrong password above all, waits long. Calls
come back by the same way: when it closes, it is opened and registered anew.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from sipmessage import Headers

from signaling.sip.credentials import Credentials
from signaling.sip.framing import PING
from signaling.sip.message import Response, addresses
from signaling.sip.out_of_dialog import Extra, OutOfDialog
from signaling.sip.timers import Timers
from signaling.sip.transaction import Flow
from signaling.sip.transactions import Transactions

FIRST_PAUSE: Final = 2.0
LONGEST_PAUSE: Final = 300.0
"""Seconds until a failure is tried again; between half of it and all."""

LONG: Final = 900.0
"""Seconds until a refusal is tried again."""

LONGEST_WISH: Final = 3_600
"""Seconds of a Retry-After that is heeded."""

LONGEST: Final = 86_400
"""Seconds of a Min-Expires that is heeded."""

MAX_RAISES: Final = 3
"""Times that one registration asks for longer."""

KEEP_ALIVE: Final = 25.0
"""Seconds between two empty messages, for NATs on the way (RFC 5626 §4.4.1)."""

SHORTEST: Final = 5.0
"""Seconds to the next refresh, however little was granted."""

MAX_ROUTES: Final = 8

_NOT_FOR_LONG: Final = (408, 423, 429, 480, 486, 491)
"""Of 4xx, those that may pass by themselves."""


class State(Enum):
    OFF = "off"
    CONNECTING = "connecting"
    REGISTERING = "registering"
    REGISTERED = "registered"
    REFRESHING = "refreshing"
    """Still registered."""
    FAILED = "failed"
    """Until the next try."""
    LEAVING = "leaving"


class Input(Enum):
    START = "start"
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    ACCEPTED = "2xx"
    TOO_BRIEF = "423"
    REFUSED = "refused"
    FAILED = "failed"
    CLOSED = "connection closed"
    DUE = "due"
    STOP = "stop"


class Action(Enum):
    CONNECT = "connect"
    REGISTER = "REGISTER"
    UNREGISTER = "REGISTER with Expires 0"
    REFRESH_LATER = "refresh later"
    TRY_SOON = "try again soon"
    TRY_LATE = "try again late"


_S, _I, _A = State, Input, Action

TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, Action | None]]] = {
    (_S.OFF, _I.START): (_S.CONNECTING, _A.CONNECT),
    (_S.CONNECTING, _I.CONNECTED): (_S.REGISTERING, _A.REGISTER),
    (_S.CONNECTING, _I.UNREACHABLE): (_S.FAILED, _A.TRY_SOON),
    (_S.CONNECTING, _I.STOP): (_S.OFF, None),
    (_S.REGISTERING, _I.ACCEPTED): (_S.REGISTERED, _A.REFRESH_LATER),
    (_S.REGISTERING, _I.TOO_BRIEF): (_S.REGISTERING, _A.REGISTER),
    (_S.REGISTERING, _I.REFUSED): (_S.FAILED, _A.TRY_LATE),
    (_S.REGISTERING, _I.FAILED): (_S.FAILED, _A.TRY_SOON),
    (_S.REGISTERING, _I.CLOSED): (_S.FAILED, _A.TRY_SOON),
    (_S.REGISTERING, _I.STOP): (_S.LEAVING, _A.UNREGISTER),
    (_S.REGISTERED, _I.DUE): (_S.REFRESHING, _A.REGISTER),
    (_S.REGISTERED, _I.CLOSED): (_S.FAILED, _A.TRY_SOON),
    (_S.REGISTERED, _I.STOP): (_S.LEAVING, _A.UNREGISTER),
    (_S.REFRESHING, _I.ACCEPTED): (_S.REGISTERED, _A.REFRESH_LATER),
    (_S.REFRESHING, _I.TOO_BRIEF): (_S.REFRESHING, _A.REGISTER),
    (_S.REFRESHING, _I.REFUSED): (_S.FAILED, _A.TRY_LATE),
    (_S.REFRESHING, _I.FAILED): (_S.FAILED, _A.TRY_SOON),
    (_S.REFRESHING, _I.CLOSED): (_S.FAILED, _A.TRY_SOON),
    (_S.REFRESHING, _I.STOP): (_S.LEAVING, _A.UNREGISTER),
    (_S.FAILED, _I.DUE): (_S.CONNECTING, _A.CONNECT),
    (_S.FAILED, _I.STOP): (_S.OFF, None),
    (_S.LEAVING, _I.ACCEPTED): (_S.OFF, None),
    (_S.LEAVING, _I.TOO_BRIEF): (_S.OFF, None),
    (_S.LEAVING, _I.REFUSED): (_S.OFF, None),
    (_S.LEAVING, _I.FAILED): (_S.OFF, None),
    (_S.LEAVING, _I.CLOSED): (_S.OFF, None),
}


@dataclass(frozen=True, slots=True)
class Account:
    """What is registered, and where.

    :ivar registrar: the Request-URI.
    :ivar address: the address-of-record.
    :ivar user: of our Contact.
    :ivar expires: seconds to ask for.
    :ivar may_move: whether Contact names the address that the registrar sees, if that is another
        than our own: behind a NAT.
    """

    registrar: str
    address: str
    user: str
    expires: int
    credentials: Credentials | None = None
    may_move: bool = True


class RegistrationHandler(Protocol):
    """Whoever opens ways. Must return at once."""

    def connect(self) -> None:
        """A way is wanted: call ``connected`` or ``unreachable``."""

    def on_no_answer(self, flow: Flow) -> None:
        """Who is at its end does not answer."""

    def on_registration(self, state: State, reason: str) -> None:
        """The state changed; ``reason`` says why it failed."""


class Registration:
    """One registration.

    :param jitter: a random number between two.
    """

    def __init__(
        self,
        account: Account,
        transactions: Transactions,
        timers: Timers,
        handler: RegistrationHandler,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.state = State.OFF
        self.flow: Flow | None = None
        """The way that we are, or were, registered by."""
        self.service_route: tuple[str, ...] = ()
        """What calls of ours pass, by the registrar's wish (RFC 3608)."""
        self._account = account
        self._timers = timers
        self._handler = handler
        self._jitter = jitter
        self._requests = OutOfDialog(
            transactions, account.address, account.address, account.credentials
        )
        self._expires = account.expires
        self._asked = 0
        self._failures = 0
        self._raises = 0
        self._granted = 0
        self._pause = 0.0
        self._reason = ""
        self._sent = ""
        self._bound = ""
        self._moves = False

    @property
    def is_registered(self) -> bool:
        return self.state in (State.REGISTERED, State.REFRESHING)

    def start(self, now: float) -> None:
        self._feed(Input.START, now)

    def connected(self, flow: Flow, now: float) -> None:
        """The way that was wanted is open."""
        if self.state is State.CONNECTING:
            self.flow = flow
            self._feed(Input.CONNECTED, now)

    def unreachable(self, reason: str, now: float) -> None:
        """There is no way."""
        self._fail(Input.UNREACHABLE, reason, now)

    def close(self, flow: Flow, now: float) -> None:
        """A way closed, whichever."""
        if flow is self.flow:
            self._asked += 1
            self._fail(Input.CLOSED, "the connection was closed", now)

    def stop(self, now: float) -> None:
        """Leave the registrar; it has been told once :attr:`state` is off."""
        self._feed(Input.STOP, now)

    # -- what the registrar says

    def _ask(self, expires: int, now: float) -> None:
        flow = self.flow
        assert flow is not None
        self._asked += 1
        asked = self._asked

        def hear(response: Response | None, at: float) -> None:
            if asked == self._asked:  # Else the registrar, or the flow, is another meanwhile.
                self._hear(response, flow, at)

        self._requests.ask(
            flow,
            "REGISTER",
            self._account.registrar,
            lambda: self._headers(flow, expires),
            now,
            hear,
        )

    def _headers(self, flow: Flow, expires: int) -> Extra:
        self._sent = self._contact(flow)
        gone = self._bound not in ("", self._sent)
        return (
            ("Contact", f"<{self._sent}>"),
            *((("Contact", f"<{self._bound}>;expires=0"),) if gone else ()),
            ("Expires", str(expires)),
            ("Supported", "path"),
        )

    def _contact(self, flow: Flow) -> str:
        """Where the registrar reaches us."""
        host, _, port = flow.local.rpartition(":")
        seen = self._requests.seen_as
        if seen is not None and self._account.may_move:
            host = f"[{seen[0]}]" if ":" in seen[0] else seen[0]
            # Of a connection, the port that is seen is none where anybody could connect to.
            port = port if flow.reliable else str(seen[1])
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        return f"sip:{self._account.user}@{host}:{port}{transport}"

    def _hear(self, response: Response | None, flow: Flow, now: float) -> None:
        if response is None:
            self._handler.on_no_answer(flow)
            self._fail(Input.FAILED, "no answer", now)
            return
        self._pause = float(_seconds(response.headers.get("Retry-After"), LONGEST_WISH) or 0)
        reason = f"{response.code}"
        if response.code < 300:
            self._granted = _granted(response.headers, self._sent, self._expires)
            if self._granted or self.state is State.LEAVING:
                self._feed(Input.ACCEPTED, now, response)
            else:
                self._fail(Input.FAILED, "registered for no time", now)
        elif response.code == 423 and self._raise(response.headers):
            self._feed(Input.TOO_BRIEF, now)
        elif response.code < 400 or response.code in _NOT_FOR_LONG or 500 <= response.code < 600:
            self._fail(Input.FAILED, reason, now)
        else:
            self._fail(Input.REFUSED, reason, now)

    def _raise(self, answered: Headers) -> bool:
        """Ask for as long as the registrar wants (§10.2.8)."""
        least = _seconds(answered.get("Min-Expires"), LONGEST)
        self._raises += 1
        if least is None or least <= self._expires or self._raises > MAX_RAISES:
            return False
        self._expires = least
        return True

    # -- the table

    def _fail(self, what: Input, reason: str, now: float) -> None:
        self._reason = reason
        self._feed(what, now)

    def _feed(self, what: Input, now: float, response: Response | None = None) -> None:
        found = TRANSITIONS.get((self.state, what))
        if found is None:
            return
        before = self.state
        self.state, action = found
        self._timers.cancel((self, Input.DUE))
        if not self.is_registered:
            self._timers.cancel((self, KEEP_ALIVE))
        if action is not None:
            self._do(action, now, response)
        if self.state is not before:
            self._handler.on_registration(
                self.state, self._reason if self.state is State.FAILED else ""
            )

    def _do(self, action: Action, now: float, response: Response | None) -> None:
        if action is Action.CONNECT:
            self._handler.connect()
        elif action is Action.REGISTER:
            self._ask(self._expires, now)
        elif action is Action.UNREGISTER:
            self._ask(0, now)
        elif action is Action.REFRESH_LATER:
            assert response is not None
            self._registered(response, now)
        elif action is Action.TRY_SOON:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 20))
            self._failures += 1
            self._due_in(max(self._pause, self._jitter(pause / 2, pause)), now)
        else:
            self._due_in(max(self._pause, self._jitter(LONG * 0.75, LONG)), now)

    def _due_in(self, seconds: float, now: float) -> None:
        self._pause = 0.0
        self._raises = 0
        self._timers.set((self, Input.DUE), now + seconds, lambda at: self._feed(Input.DUE, at))

    def _registered(self, response: Response, now: float) -> None:
        self._failures = 0
        self._bound = self._sent
        self.service_route = _service_route(response.headers)
        flow = self.flow
        assert flow is not None
        # The answer shows another address of ours than we gave: give that one, but not for ever.
        self._moves = not self._moves and self._contact(flow) != self._sent
        pause = 0.0 if self._moves else self._granted * self._jitter(0.75, 0.9)
        self._pause = 0.0
        self._due_in(max(pause, 0.0 if self._moves else SHORTEST), now)
        if (self, KEEP_ALIVE) not in self._timers:
            self._timers.set((self, KEEP_ALIVE), now + KEEP_ALIVE, self._keep_alive)

    def _keep_alive(self, now: float) -> None:
        if self.flow is not None:
            self.flow.send(PING)
        self._timers.set((self, KEEP_ALIVE), now + KEEP_ALIVE, self._keep_alive)


def _seconds(value: str | None, most: int) -> int | None:
    """The number that a header begins with, in bounds."""
    found = re.match(r"\s*(\d{1,9})\s*(?:[;(]|$)", value or "", re.ASCII)
    return min(int(found[1]), most) if found else None


def _granted(answered: Headers, contact: str, asked: int) -> int:
    """For how long we are registered (§10.2.4): what the answer says of our Contact, else of all;
    a registrar may show it in another form.
    """
    found: dict[str, int] = {}
    overall = _seconds(answered.get("Expires"), LONGEST)
    for value in answered.getlist("Contact"):
        try:
            for address in addresses(value):
                told = _seconds(address.parameters.get("expires"), LONGEST)
                if told is not None:
                    found[str(address.uri)] = told
        except (ValueError, TypeError):
            continue
    if contact in found:
        return found[contact]
    if overall is not None:
        return overall
    return min(found.values(), default=asked)


def _service_route(answered: Headers) -> tuple[str, ...]:
    """What cannot be read is no route."""
    try:
        routes = [
            str(route) for value in answered.getlist("Service-Route") for route in addresses(value)
        ]
    except (ValueError, TypeError):
        return ()
    return tuple(routes) if len(routes) <= MAX_ROUTES else ()


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.OFF.value}"]
    for (state, what), (following, action) in TRANSITIONS.items():
        done = f" / {action.value}" if action is not None else ""
        lines.append(f"    {state.value} --> {following.value}: {what.value}{done}")
    return "\n".join(lines)
