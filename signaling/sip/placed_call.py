"""A call that the gateway places, until it is answered or over (RFC 3261 §9, §13, as the caller).

Theory of operation. The INVITE is *calling*, *proceeding* once somebody works on it, and *ringing*
once somebody's phone does. A 2xx answers it: from then on there is a :class:`Call`, and what is
left to do here is for forks, as a proxy may have made several phones ring. The first 2xx wins; each
further one gets its ACK, and a BYE (§13.2.2.4). A challenge is answered, and a 422 with a longer
interval, by another INVITE.

A CANCEL may go out only after a 1xx (§9.1), so who gives up before is *leaving*; and an answer may
cross it, so who is *cancelling* waits for how it ends. A 2xx that comes all the same gets its ACK,
and a BYE.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from signaling.sip.call import ALLOW, Call
from signaling.sip.dialog import Dialog, contact, via
from signaling.sip.dialog_requests import DialogRequests
from signaling.sip.failure import CANCELLED, NOBODY, UNREACHED, Failure, failure_of
from signaling.sip.message import Malformed, Response
from signaling.sip.outgoing import Header, Outgoing
from signaling.sip.route import Route
from signaling.sip.session_timer import INTERVAL, raised_interval, terms_of_answer
from signaling.sip.timers import Timers
from signaling.sip.transaction import TIMEOUT, Flow
from signaling.sip.transaction import Input as TransactionInput
from signaling.sip.transactions import Transactions, make_branch

RING_TIMEOUT: Final = 60.0
"""Seconds from the INVITE until nobody is expected to answer any more."""

MAX_TRIES: Final = 4
"""INVITEs of one call: for a challenge, one that was stale, and a longer interval."""

MAX_FORKS: Final = 16
"""Phones of one call that are told apart."""


class State(Enum):
    CALLING = "calling"
    PROCEEDING = "proceeding"
    RINGING = "ringing"
    ANSWERED = "answered"
    LEAVING = "leaving"
    """Given up before anything was heard: a CANCEL follows as soon as it may."""
    CANCELLING = "cancelling"
    ENDED = "ended"


class Input(Enum):
    TRYING = "100"
    PROGRESS = "101-199"
    SUCCESS = "2xx"
    """Of a phone that had not answered before."""
    UNUSABLE = "2xx that makes no dialog"
    REFUSAL = "3xx-6xx"
    DEMAND = "401, 407, 422 that can be met"
    NO_ANSWER = "no response"
    CANCEL = "cancel"
    TIME_OUT = "ring time-out"
    SILENCE = "32 s"


class Action(Enum):
    INVITE = "INVITE"
    TELL_PROGRESS = "tell progress"
    TELL_ANSWER = "tell answer"
    TELL_END = "tell end"
    CANCEL = "CANCEL"
    BYE = "BYE"
    """To the phone that has just answered."""
    ABANDON = "abandon"


_S, _I, _A = State, Input, Action

TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, tuple[Action, ...]]]] = {
    (_S.CALLING, _I.TRYING): (_S.PROCEEDING, ()),
    (_S.CALLING, _I.PROGRESS): (_S.RINGING, (_A.TELL_PROGRESS,)),
    (_S.CALLING, _I.SUCCESS): (_S.ANSWERED, (_A.TELL_ANSWER,)),
    (_S.CALLING, _I.UNUSABLE): (_S.ENDED, (_A.TELL_END,)),
    (_S.CALLING, _I.REFUSAL): (_S.ENDED, (_A.TELL_END,)),
    (_S.CALLING, _I.DEMAND): (_S.CALLING, (_A.INVITE,)),
    (_S.CALLING, _I.NO_ANSWER): (_S.ENDED, (_A.TELL_END,)),
    (_S.CALLING, _I.CANCEL): (_S.LEAVING, (_A.TELL_END,)),
    (_S.CALLING, _I.TIME_OUT): (_S.LEAVING, (_A.TELL_END,)),
    (_S.PROCEEDING, _I.PROGRESS): (_S.RINGING, (_A.TELL_PROGRESS,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.ANSWERED, (_A.TELL_ANSWER,)),
    (_S.PROCEEDING, _I.UNUSABLE): (_S.ENDED, (_A.TELL_END,)),
    (_S.PROCEEDING, _I.REFUSAL): (_S.ENDED, (_A.TELL_END,)),
    (_S.PROCEEDING, _I.DEMAND): (_S.CALLING, (_A.INVITE,)),
    (_S.PROCEEDING, _I.NO_ANSWER): (_S.ENDED, (_A.TELL_END,)),
    (_S.PROCEEDING, _I.CANCEL): (_S.CANCELLING, (_A.CANCEL, _A.TELL_END)),
    (_S.PROCEEDING, _I.TIME_OUT): (_S.CANCELLING, (_A.CANCEL, _A.TELL_END)),
    (_S.RINGING, _I.PROGRESS): (_S.RINGING, (_A.TELL_PROGRESS,)),
    (_S.RINGING, _I.SUCCESS): (_S.ANSWERED, (_A.TELL_ANSWER,)),
    (_S.RINGING, _I.UNUSABLE): (_S.ENDED, (_A.TELL_END,)),
    (_S.RINGING, _I.REFUSAL): (_S.ENDED, (_A.TELL_END,)),
    (_S.RINGING, _I.DEMAND): (_S.CALLING, (_A.INVITE,)),
    (_S.RINGING, _I.NO_ANSWER): (_S.ENDED, (_A.TELL_END,)),
    (_S.RINGING, _I.CANCEL): (_S.CANCELLING, (_A.CANCEL, _A.TELL_END)),
    (_S.RINGING, _I.TIME_OUT): (_S.CANCELLING, (_A.CANCEL, _A.TELL_END)),
    (_S.ANSWERED, _I.SUCCESS): (_S.ANSWERED, (_A.BYE,)),
    (_S.LEAVING, _I.TRYING): (_S.CANCELLING, (_A.CANCEL,)),
    (_S.LEAVING, _I.PROGRESS): (_S.CANCELLING, (_A.CANCEL,)),
    (_S.LEAVING, _I.SUCCESS): (_S.ENDED, (_A.BYE,)),
    (_S.LEAVING, _I.UNUSABLE): (_S.ENDED, ()),
    (_S.LEAVING, _I.REFUSAL): (_S.ENDED, ()),
    (_S.LEAVING, _I.DEMAND): (_S.ENDED, ()),
    (_S.LEAVING, _I.NO_ANSWER): (_S.ENDED, ()),
    (_S.CANCELLING, _I.SUCCESS): (_S.ENDED, (_A.BYE,)),
    (_S.CANCELLING, _I.UNUSABLE): (_S.ENDED, ()),
    (_S.CANCELLING, _I.REFUSAL): (_S.ENDED, ()),
    (_S.CANCELLING, _I.DEMAND): (_S.ENDED, ()),
    (_S.CANCELLING, _I.NO_ANSWER): (_S.ENDED, ()),
    (_S.CANCELLING, _I.SILENCE): (_S.ENDED, (_A.ABANDON,)),
    (_S.ENDED, _I.SUCCESS): (_S.ENDED, (_A.BYE,)),
}
"""What is not in the table changes nothing."""


class Caller(Protocol):
    """Whoever has a call placed. Must return at once."""

    def on_progress(self, placed: PlacedCall, sdp: str) -> None:
        """It rings; early media are described by ``sdp``, if there are any."""

    def on_answered(self, placed: PlacedCall, call: Call, sdp: str) -> None:
        """It was answered: take ``sdp`` up, or hang up. Empty: the other side described nothing."""

    def on_failed(self, placed: PlacedCall, failure: Failure) -> None:
        """It will not be answered. Nothing is told after this."""


class PlacedCall:
    """One call of ours; it is on its way once this is made.

    :param sdp: our offer.
    :param establish: makes the call of the dialog that an answer makes.
    :param ring_timeout: seconds.
    """

    def __init__(
        self,
        route: Route,
        sdp: str,
        transactions: Transactions,
        timers: Timers,
        caller: Caller,
        establish: Callable[[Dialog], Call],
        now: float,
        ring_timeout: float = RING_TIMEOUT,
    ) -> None:
        self.state = State.CALLING
        self.route = route
        self._sdp = sdp
        self._transactions = transactions
        self._timers = timers
        self._caller = caller
        self._establish = establish
        self._ring_timeout = ring_timeout
        self._call_id = secrets.token_hex(12)
        self._sender = (
            f"<{route.sender or f'sip:agent@{host_of(route.flow)}'}>;tag={secrets.token_hex(8)}"
        )
        self._cseq = secrets.randbelow(2**16)
        self._interval = INTERVAL
        self._demanded: tuple[Header, ...] = ()
        self._tries = 0
        self._early: dict[str, str] = {}
        """Descriptions that came before an answer, by who sent them."""
        self._acks: dict[str, bytes] = {}
        """ACKs of answers, by who sent these."""
        self._heard: Response | None = None
        self._dialog: Dialog | None = None
        """The last that was made."""
        self._failure = UNREACHED
        self._reason: tuple[Header, ...] = ()
        timers.set((self, Input.TIME_OUT), now + ring_timeout, self._time_out)
        self._invite(now)

    # -- what the gateway wants

    def cancel(self, now: float, *, elsewhere: bool = False) -> None:
        """Stop ringing; nothing happens once the call was answered.

        :param elsewhere: another phone was answered: this one missed no call (RFC 3326).
        """
        if elsewhere:
            self._reason = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),)
        self._failure = CANCELLED
        self._feed(Input.CANCEL, now)

    # -- what the other side says

    def _hear(self, response: Response | None, sent: Outgoing, now: float) -> None:
        """Of an INVITE; of one that was repeated with what was demanded nothing more comes."""
        self._heard = response
        if response is None:
            self._failure = UNREACHED
            self._feed(Input.NO_ANSWER, now)
        elif response.code == 100:
            self._feed(Input.TRYING, now)
        elif response.code < 200:
            if (sdp := _described(response)) and len(self._early) < MAX_FORKS:
                self._early[response.to_tag] = sdp
            self._feed(Input.PROGRESS, now)
        elif response.code < 300:
            self._hear_answer(response, sent, now)
        elif self._meets(response, sent):
            self._feed(Input.DEMAND, now)
        else:
            self._failure = failure_of(response)
            self._feed(Input.REFUSAL, now)

    def _hear_answer(self, answer: Response, sent: Outgoing, now: float) -> None:
        if (ack := self._acks.get(answer.to_tag)) is not None:
            self.route.flow.send(ack)  # It did not hear the first.
            return
        if len(self._acks) >= MAX_FORKS:
            return
        try:
            dialog = Dialog.of_caller(sent, answer, self.route.flow, self.route.credentials)
        except Malformed as error:
            self._failure = Failure(500, f"the answer makes no call: {error}")
            self._feed(Input.UNUSABLE, now)
            return
        self._dialog = dialog
        self._acks[answer.to_tag] = ack = dialog.ack(sent, make_branch()).encode()
        self.route.flow.send(ack)
        self._feed(Input.SUCCESS, now)

    def _meets(self, refusal: Response, sent: Outgoing) -> bool:
        """Whether another INVITE can give what this one lacked; it will."""
        if self._tries >= MAX_TRIES:
            return False
        if refusal.code == 422:
            least = raised_interval(refusal.headers, self._interval)
            if least is not None:
                self._interval = least
            return least is not None
        credentials = self.route.credentials
        if credentials is None:
            return False
        known = credentials.authorization(refusal, sent.method, sent.uri, sent.headers)
        if known is None:
            return False
        others = (header for header in self._demanded if header[0] != known[0])
        self._demanded = (*others, known)  # A proxy's, and the callee's.
        return True

    def _time_out(self, now: float) -> None:
        self._failure = NOBODY
        self._feed(Input.TIME_OUT, now)

    def _silence(self, now: float) -> None:
        self._feed(Input.SILENCE, now)

    # -- the table

    def _feed(self, what: Input, now: float) -> None:
        found = TRANSITIONS.get((self.state, what))
        if found is None:
            return
        self.state, actions = found
        if self.state not in _WAITING:
            self._timers.cancel((self, Input.TIME_OUT))
        if self.state is State.ENDED:
            self._timers.cancel((self, Input.SILENCE))
        for action in actions:
            self._do(action, now)

    def _do(self, action: Action, now: float) -> None:
        match action:
            case Action.INVITE:
                self._invite(now)
            case Action.TELL_PROGRESS:
                assert self._heard is not None
                self._caller.on_progress(self, _described(self._heard))
            case Action.TELL_ANSWER:
                self._tell_answer(now)
            case Action.TELL_END:
                self._caller.on_failed(self, self._failure)
            case Action.CANCEL:
                self._transactions.send(self.route.flow, self._sent.cancel(self._reason), now)
                self._timers.set((self, Input.SILENCE), now + TIMEOUT, self._silence)
            case Action.BYE:
                assert self._dialog is not None
                DialogRequests(self._dialog, self._transactions).ask("BYE", now)
            case Action.ABANDON:
                self._transaction.feed(TransactionInput.ABANDON, now)

    def _invite(self, now: float) -> None:
        self._tries += 1
        self._cseq += 1
        route, extra = self.route, self._demanded
        if self._interval > INTERVAL:
            extra = (*extra, ("Min-SE", str(self._interval)))  # RFC 4028 §7.3
        headers = (
            ("Via", via(route.flow, make_branch())),
            *(("Route", each) for each in route.routes),
            ("Max-Forwards", "70"),
            ("From", self._sender),
            ("To", f"<{_plain(route.uri)}>"),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} INVITE"),
            ("Contact", contact(route.flow)),
            ("Allow", ALLOW),
            ("Supported", "timer"),
            ("Session-Expires", str(self._interval)),
            *extra,
        )
        self._sent = sent = Outgoing("INVITE", route.uri, headers, self._sdp)
        self._transaction = self._transactions.invite(
            route.flow, sent, now, lambda response, at: self._hear(response, sent, at)
        )

    def _tell_answer(self, now: float) -> None:
        answer, dialog = self._heard, self._dialog
        assert answer is not None
        assert dialog is not None
        # Some describe themselves early, and then no more.
        sdp = _described(answer) or self._early.get(answer.to_tag, "")
        call = self._establish(dialog)
        call.begin_placed(self._sdp, sdp, terms_of_answer(answer.headers), now)
        self._caller.on_answered(self, call, sdp)


_WAITING: Final = (State.CALLING, State.PROCEEDING, State.RINGING)


def host_of(flow: Flow) -> str:
    """Where we are, as a peer knows it."""
    return re.sub(r":\d+$", "", flow.local)


def _plain(uri: str) -> str:
    """Without what is about the way there: To has no such parameters (RFC 3261 §19.1.1)."""
    return re.sub(r";(?:transport|lr|maddr|ttl|method|ob)(?:=[^;?>]*)?(?=;|$|\?)", "", uri)


def _described(response: Response) -> str:
    kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    return response.body.decode(errors="replace") if kind == "application/sdp" else ""


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.CALLING.value}"]
    for (state, what), (following, actions) in TRANSITIONS.items():
        done = f" / {', '.join(action.value for action in actions)}" if actions else ""
        lines.append(f"    {state.value} --> {following.value}: {what.value}{done}")
    lines.append(f"    {State.ENDED.value} --> [*]")
    return "\n".join(lines)
