"""One transaction: a request and its responses, each of which may be lost (RFC 3261 §17).

Theory of operation. The tables are those of RFC 3261 §17, with RFC 6026's *accepted* for an INVITE
that was answered with 2xx: until timer L ends it, a repeated INVITE is absorbed, and until timer M
each 2xx to one of ours is told, as there may be several of several phones. Each state has its
timers: they start with it, and end with the last state that has them. The 2xx itself is repeated by
the call, until its ACK, which the call sends (RFC 3261 §13.2.2.4, §13.3.1.4); the ACK of a refusal
is the transaction's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from signaling.sip.message import Response
from signaling.sip.timers import Timers

T1: Final = 0.5
"""Seconds: the round trip that is expected."""

T2: Final = 4.0
"""Seconds: the longest pause between two copies."""

T4: Final = 5.0
"""Seconds: how long a message may stay in the network."""

TIMEOUT: Final = 64 * T1


Told = Callable[[Response | None, float], None]
"""Takes the response to a request of ours, or None: none will come; and when."""


class Flow(Protocol):
    """A way to one peer: a UDP address, or a connection."""

    @property
    def transport(self) -> str:
        """``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``."""

    @property
    def remote(self) -> tuple[str, int]:
        """The peer's address and port."""

    @property
    def local(self) -> str:
        """Our host and port, as the peer reaches us."""

    @property
    def reliable(self) -> bool:
        """Whether nothing is lost on the way."""

    def send(self, data: bytes) -> None:
        """Send one message; nothing happens when the flow is closed."""


class State(Enum):
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    """The final response is known; copies are answered, or absorbed."""
    CONFIRMED = "confirmed"
    """So is that the caller has it."""
    ACCEPTED = "accepted"
    """Answered with 2xx (RFC 6026)."""
    TERMINATED = "terminated"


class Input(Enum):
    COPY = "request again"
    ACK = "ACK"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    CLOSED = "flow closed"
    ABANDON = "abandon"
    """Whoever asked waits no longer."""
    A = "timer A"
    B = "timer B"
    D = "timer D"
    E = "timer E"
    F = "timer F"
    G = "timer G"
    H = "timer H"
    I = "timer I"  # noqa: E741
    J = "timer J"
    K = "timer K"
    L = "timer L"
    M = "timer M"


class Action(Enum):
    NONE = "-"
    SEND = "send"
    """The response that was given."""
    REPEAT = "send again"
    """What was sent last."""
    TELL = "tell"
    """Whoever asked that a response came, or no final one will."""
    ACK = "ACK"
    CONFIRM = "ACK, tell"


_S, _I, _A = State, Input, Action
Transitions = Mapping[tuple[State, Input], tuple[State, Action]]


@dataclass(frozen=True)
class Machine:
    """A kind of transaction.

    :ivar timers: those that run in a state.
    """

    name: str
    start: State
    transitions: Transitions
    timers: Mapping[State, tuple[Input, ...]]


INVITE_SERVER: Final = Machine(
    "INVITE server",
    _S.PROCEEDING,
    {
        (_S.PROCEEDING, _I.COPY): (_S.PROCEEDING, _A.REPEAT),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, _A.SEND),
        (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, _A.SEND),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, _A.SEND),
        (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, _A.SEND),
        (_S.ACCEPTED, _I.L): (_S.TERMINATED, _A.NONE),
        (_S.COMPLETED, _I.COPY): (_S.COMPLETED, _A.REPEAT),
        (_S.COMPLETED, _I.G): (_S.COMPLETED, _A.REPEAT),
        (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, _A.NONE),
        (_S.COMPLETED, _I.H): (_S.TERMINATED, _A.NONE),
        (_S.CONFIRMED, _I.I): (_S.TERMINATED, _A.NONE),
    },
    {_S.COMPLETED: (_I.G, _I.H), _S.CONFIRMED: (_I.I,), _S.ACCEPTED: (_I.L,)},
)

INVITE_CLIENT: Final = Machine(
    "INVITE client",
    _S.CALLING,
    {
        (_S.CALLING, _I.A): (_S.CALLING, _A.REPEAT),
        (_S.CALLING, _I.B): (_S.TERMINATED, _A.TELL),
        (_S.CALLING, _I.CLOSED): (_S.TERMINATED, _A.TELL),
        (_S.CALLING, _I.ABANDON): (_S.TERMINATED, _A.TELL),
        (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, _A.TELL),
        (_S.CALLING, _I.SUCCESS): (_S.ACCEPTED, _A.TELL),
        (_S.CALLING, _I.FAILURE): (_S.COMPLETED, _A.CONFIRM),
        (_S.PROCEEDING, _I.CLOSED): (_S.TERMINATED, _A.TELL),
        (_S.PROCEEDING, _I.ABANDON): (_S.TERMINATED, _A.TELL),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, _A.TELL),
        (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, _A.TELL),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, _A.CONFIRM),
        (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, _A.TELL),
        (_S.ACCEPTED, _I.M): (_S.TERMINATED, _A.NONE),
        (_S.COMPLETED, _I.FAILURE): (_S.COMPLETED, _A.ACK),
        (_S.COMPLETED, _I.D): (_S.TERMINATED, _A.NONE),
    },
    {_S.CALLING: (_I.A, _I.B), _S.ACCEPTED: (_I.M,), _S.COMPLETED: (_I.D,)},
)

SERVER: Final = Machine(
    "non-INVITE server",
    _S.TRYING,
    {
        (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, _A.SEND),
        (_S.TRYING, _I.FAILURE): (_S.COMPLETED, _A.SEND),
        (_S.COMPLETED, _I.COPY): (_S.COMPLETED, _A.REPEAT),
        (_S.COMPLETED, _I.J): (_S.TERMINATED, _A.NONE),
    },
    {_S.COMPLETED: (_I.J,)},
)

CLIENT: Final = Machine(
    "non-INVITE client",
    _S.TRYING,
    {
        (_S.TRYING, _I.E): (_S.TRYING, _A.REPEAT),
        (_S.TRYING, _I.F): (_S.TERMINATED, _A.TELL),
        (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, _A.NONE),
        (_S.TRYING, _I.CLOSED): (_S.TERMINATED, _A.TELL),
        (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, _A.TELL),
        (_S.TRYING, _I.FAILURE): (_S.COMPLETED, _A.TELL),
        (_S.PROCEEDING, _I.E): (_S.PROCEEDING, _A.REPEAT),
        (_S.PROCEEDING, _I.F): (_S.TERMINATED, _A.TELL),
        (_S.PROCEEDING, _I.CLOSED): (_S.TERMINATED, _A.TELL),
        (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, _A.TELL),
        (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, _A.TELL),
        (_S.COMPLETED, _I.K): (_S.TERMINATED, _A.NONE),
    },
    {
        _S.TRYING: (_I.E, _I.F),
        _S.PROCEEDING: (_I.E, _I.F),
        _S.COMPLETED: (_I.K,),
    },
)

MACHINES: Final = (INVITE_SERVER, INVITE_CLIENT, SERVER, CLIENT)

_REPEATING: Final = (_I.A, _I.E, _I.G)
_LINGERING: Final = {_I.D: TIMEOUT, _I.I: T4, _I.J: TIMEOUT, _I.K: T4}
"""How long a transaction stays for copies; where nothing is lost there are none."""


def kind_of(code: int) -> Input:
    """What a response is to a transaction."""
    if code < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if code < 300 else Input.FAILURE


class Transaction:
    """One transaction, from its first request to when no copy can come any more.

    :param ended: nothing of it is left.
    :param told: of a client transaction: the final response, or None: none will come; and when. Of
        an INVITE also the provisional ones, and each 2xx.
    :param ack: of an INVITE of ours: the ACK of a refusal.
    """

    def __init__(
        self,
        machine: Machine,
        key: Hashable,
        flow: Flow,
        timers: Timers,
        ended: Callable[[Hashable], None],
        told: Told | None = None,
        ack: Callable[[Response], bytes] | None = None,
    ) -> None:
        self.key = key
        self.flow = flow
        self.state = machine.start
        self._machine = machine
        self._timers = timers
        self._ended = ended
        self._told = told
        self._ack = ack
        self._last = b""
        self._interval = T1

    def begin(self, request: bytes, now: float) -> None:
        """Send the request of a client transaction."""
        self._send(request)
        self._move(self.state, now)

    def respond(self, code: int, response: bytes, now: float) -> None:
        """Send a response of a server transaction, unless a final one was sent before."""
        self.feed(kind_of(code), now, response)

    def feed(
        self, what: Input, now: float, message: bytes = b"", heard: Response | None = None
    ) -> None:
        """Follow the table; a pair that is not in it changes nothing.

        :param message: a response to send.
        :param heard: the response that came.
        """
        found = self._machine.transitions.get((self.state, what))
        if found is None:
            return
        state, action = found
        if action is Action.SEND:
            self._send(message)
        elif action is Action.REPEAT:
            self.flow.send(self._last)
        elif action in (Action.ACK, Action.CONFIRM) and heard is not None and self._ack is not None:
            self.flow.send(self._ack(heard))
        self._move(state, now)
        if action in (Action.TELL, Action.CONFIRM) and self._told is not None:
            self._told(heard, now)

    def _send(self, message: bytes) -> None:
        self._last = message
        self.flow.send(message)

    def _move(self, state: State, now: float) -> None:
        wanted = self._machine.timers.get(state, ())
        for timer in self._machine.timers.get(self.state, ()):
            if timer not in wanted:
                self._timers.cancel((self, timer))
        self.state = state
        for timer in wanted:
            if (self, timer) not in self._timers:
                self._start(timer, now)
        if state is State.TERMINATED:
            self._ended(self.key)

    def _start(self, timer: Input, now: float) -> None:
        reliable = self.flow.reliable
        if timer in _REPEATING:
            if reliable:
                return
            pause = self._interval
            longest = TIMEOUT if timer is Input.A else T2
            self._interval = T2 if self.state is State.PROCEEDING else min(2 * pause, longest)
        elif timer in _LINGERING:
            pause = 0.0 if reliable else _LINGERING[timer]
        else:
            pause = TIMEOUT
        self._timers.set((self, timer), now + pause, lambda at: self.feed(timer, at))


def diagram(machine: Machine) -> str:
    """A table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {machine.start.value}"]
    for (state, what), (following, action) in machine.transitions.items():
        done = "" if action is Action.NONE else f" / {action.value}"
        end = "[*]" if following is State.TERMINATED else following.value
        lines.append(f"    {state.value} --> {end}: {what.value}{done}")
    return "\n".join(lines)
