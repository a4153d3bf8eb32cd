"""One call, from the phone's INVITE to the end (RFC 3261 §13, §14, §15, as the callee).

Theory of operation. A call is *offered* by an INVITE, and *answered* with 2xx, which is repeated
until its ACK. Only then it is *established*, and only then the callee may hang up with a BYE (§15);
who wants to hang up before is *leaving*. An INVITE in an established call offers again: hold,
resume, another path for the media. A refusal of that leaves the call as it was. An UPDATE
(RFC 3311) offers the same without an ACK. To an INVITE without an offer ours is *proposed* in the
2xx, and its ACK has the answer (RFC 3261 §13.2.1).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from signaling.sip.dialog import Dialog, contact
from signaling.sip.message import Request, Response, response
from signaling.sip.session_timer import Extra, SessionTimer, Terms, terms_of_request
from signaling.sip.timers import Timers
from signaling.sip.transaction import T1, T2, TIMEOUT, Transaction
from signaling.sip.transactions import Transactions
from signaling.sip.transfer import Transfer

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, INFO, NOTIFY, OPTIONS, REGISTER, UPDATE"


class State(Enum):
    OFFERED = "offered"
    ANSWERED = "answered"
    """The ACK is awaited."""
    PROPOSED = "proposed"
    """The same, with the answer to our offer."""
    LEAVING = "leaving"
    """The ACK is awaited, and then we hang up."""
    ESTABLISHED = "established"
    REOFFERED = "offered again"
    UPDATED = "update offered"
    ENDED = "ended"


class Input(Enum):
    ACCEPT = "accept"
    PROPOSE = "propose"
    REFUSE = "refuse"
    OFFER = "INVITE"
    UPDATE = "UPDATE"
    ACK = "ACK"
    NO_ANSWER = "ACK without answer"
    NO_ACK = "no ACK"
    """For 32 s."""
    CANCEL = "CANCEL"
    BYE = "BYE"
    HANG_UP = "hang up"


class Action(Enum):
    NONE = "-"
    ANSWER = "2xx"
    ANSWER_ONCE = "2xx once"
    """No ACK follows."""
    REFUSE = "refuse"
    TELL_OFFER = "tell offer"
    TELL_ANSWER = "tell answer"
    TERMINATE = "487"
    BYE = "BYE"


_S, _I, _A = State, Input, Action

TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, tuple[Action, ...]]]] = {
    (_S.OFFERED, _I.ACCEPT): (_S.ANSWERED, (_A.ANSWER,)),
    (_S.OFFERED, _I.PROPOSE): (_S.PROPOSED, (_A.ANSWER,)),
    (_S.OFFERED, _I.REFUSE): (_S.ENDED, (_A.REFUSE,)),
    (_S.OFFERED, _I.HANG_UP): (_S.ENDED, (_A.REFUSE,)),
    (_S.OFFERED, _I.CANCEL): (_S.ENDED, (_A.TERMINATE,)),
    (_S.ANSWERED, _I.ACK): (_S.ESTABLISHED, ()),
    (_S.ANSWERED, _I.NO_ACK): (_S.ENDED, (_A.BYE,)),
    (_S.ANSWERED, _I.BYE): (_S.ENDED, ()),
    (_S.ANSWERED, _I.HANG_UP): (_S.LEAVING, ()),
    (_S.PROPOSED, _I.ACK): (_S.ESTABLISHED, (_A.TELL_ANSWER,)),
    (_S.PROPOSED, _I.NO_ANSWER): (_S.ENDED, (_A.BYE,)),
    (_S.PROPOSED, _I.NO_ACK): (_S.ENDED, (_A.BYE,)),
    (_S.PROPOSED, _I.BYE): (_S.ENDED, ()),
    (_S.PROPOSED, _I.HANG_UP): (_S.LEAVING, ()),
    (_S.LEAVING, _I.ACK): (_S.ENDED, (_A.BYE,)),
    (_S.LEAVING, _I.NO_ACK): (_S.ENDED, (_A.BYE,)),
    (_S.LEAVING, _I.BYE): (_S.ENDED, ()),
    (_S.ESTABLISHED, _I.OFFER): (_S.REOFFERED, (_A.TELL_OFFER,)),
    (_S.ESTABLISHED, _I.UPDATE): (_S.UPDATED, (_A.TELL_OFFER,)),
    (_S.ESTABLISHED, _I.BYE): (_S.ENDED, ()),
    (_S.ESTABLISHED, _I.HANG_UP): (_S.ENDED, (_A.BYE,)),
    (_S.REOFFERED, _I.ACCEPT): (_S.ANSWERED, (_A.ANSWER,)),
    (_S.REOFFERED, _I.PROPOSE): (_S.PROPOSED, (_A.ANSWER,)),
    (_S.REOFFERED, _I.REFUSE): (_S.ESTABLISHED, (_A.REFUSE,)),
    (_S.REOFFERED, _I.CANCEL): (_S.ESTABLISHED, (_A.TERMINATE,)),
    (_S.REOFFERED, _I.BYE): (_S.ENDED, (_A.TERMINATE,)),
    (_S.REOFFERED, _I.HANG_UP): (_S.ENDED, (_A.REFUSE, _A.BYE)),
    (_S.UPDATED, _I.ACCEPT): (_S.ESTABLISHED, (_A.ANSWER_ONCE,)),
    (_S.UPDATED, _I.REFUSE): (_S.ESTABLISHED, (_A.REFUSE,)),
    (_S.UPDATED, _I.BYE): (_S.ENDED, (_A.TERMINATE,)),
    (_S.UPDATED, _I.HANG_UP): (_S.ENDED, (_A.REFUSE, _A.BYE)),
}
"""What is not in the table changes nothing: a CANCEL that comes after the answer, for one."""


class Call:
    """A phone's call.

    :param offered: told of each further offer: the call and its SDP, empty if we are to offer.
    :param answered: told of the answer to an offer of ours.
    :param ended: told once, however the call ended.
    :raises Malformed, IntervalTooSmall: the INVITE makes no call.
    """

    def __init__(
        self,
        invite: Request,
        transaction: Transaction,
        transactions: Transactions,
        timers: Timers,
        offered: Callable[[Call, str], None],
        answered: Callable[[Call, str], None],
        ended: Callable[[Call], None],
    ) -> None:
        self.state = State.OFFERED
        self.dialog = Dialog(invite, transaction.flow)
        self.user = ""
        """Who was called."""
        self.transfer: Transfer | None = None
        """The last one, for as long as the call goes on."""
        self._transactions = transactions
        self._timers = timers
        self._offered = offered
        self._answered = answered
        self._ended = ended
        self._session = SessionTimer(timers, self._refresh, self.hang_up)
        self._take(invite, transaction)

    def _take(self, invite: Request, transaction: Transaction) -> None:
        self._terms = self._terms_of(invite)
        self._invite = invite
        self._pending = transaction
        self._answer = b""
        self._interval = T1
        self._told_answer = ""

    def _terms_of(self, asked: Request) -> Terms | None:
        may_refresh = "update" in self.dialog.peer_allows
        return terms_of_request(asked.headers, may_refresh=may_refresh)

    @property
    def invite_cseq(self) -> int:
        return self._invite.cseq

    @property
    def is_passed_on(self) -> bool:
        """Whether the phone has somebody else to talk to."""
        return self.transfer is not None and self.transfer.is_taken

    def is_offered_by(self, transaction: Transaction | None) -> bool:
        """Whether ``transaction`` is the INVITE that waits for an answer."""
        return transaction is self._pending

    # -- what the gateway wants

    def accept(self, sdp: str, now: float) -> None:
        """Answer the offer; where there was none, ``sdp`` is ours."""
        asked, tag = self._invite.headers, self.dialog.local_tag
        extra = [("Record-Route", route) for route in asked.getlist("Record-Route")]
        self._answer = response(asked, 200, tag, (*extra, *self._agreed(self._terms)), sdp)
        self._feed(Input.ACCEPT if self._invite.body else Input.PROPOSE, now)

    def _agreed(self, terms: Terms | None) -> Extra:
        """Headers of a 2xx."""
        here = (("Contact", contact(self.dialog.flow)), ("Allow", ALLOW), ("Supported", "timer"))
        return (*here, *(terms.in_response() if terms is not None else ()))

    def refuse(self, code: int, now: float, extra: tuple[tuple[str, str], ...] = ()) -> None:
        """Refuse the offer; an established call goes on as it was."""
        self._prepare(code, extra)
        self._feed(Input.REFUSE, now)

    def hang_up(self, now: float) -> None:
        """End the call, whatever its state."""
        if self.state in (State.OFFERED, State.REOFFERED, State.UPDATED):
            self._prepare(480)
        self._feed(Input.HANG_UP, now)

    def _prepare(self, code: int, extra: tuple[tuple[str, str], ...] = ()) -> None:
        self._refusal = code, response(self._invite.headers, code, self.dialog.local_tag, extra)

    # -- what the phone wants

    def offer(self, asked: Request, transaction: Transaction, now: float) -> bool:
        """An INVITE within the call, or an UPDATE with an offer. False: not now.

        :raises Malformed, IntervalTooSmall: it changes nothing.
        """
        if self.state is not State.ESTABLISHED:
            return False
        self._take(asked, transaction)
        self._feed(Input.UPDATE if asked.method == "UPDATE" else Input.OFFER, now)
        return True

    def refresh(self, update: Request, now: float) -> Extra:
        """An UPDATE without an offer: the headers of its 2xx.

        :raises Malformed, IntervalTooSmall: it changes nothing.
        """
        terms = self._terms_of(update)
        self._session.agree(terms, now)
        return self._agreed(terms)

    def acknowledge(self, ack: Request, now: float) -> None:
        if ack.cseq == self._invite.cseq:
            self._timers.cancel((self, Input.ACK))
            self._timers.cancel((self, Input.NO_ACK))
            self._told_answer = ack.body.decode(errors="replace")
            unanswered = self.state is State.PROPOSED and not ack.body
            self._feed(Input.NO_ANSWER if unanswered else Input.ACK, now)

    def cancel(self, now: float) -> None:
        self._feed(Input.CANCEL, now)

    def bye(self, now: float) -> None:
        """The phone hung up; its BYE is answered already."""
        if self.transfer is not None:
            self.transfer.bye(now)
        self._feed(Input.BYE, now)

    # -- what else is said within the call

    def ask(
        self,
        method: str,
        now: float,
        told: Callable[[Response | None, float], None] | None = None,
        extra: Extra = (),
        body: str = "",
        kind: str = "",
    ) -> None:
        """Send a request that changes nothing of the call's state.

        :param told: of its final response, or that none came, and when.
        """
        self._transactions.ask(
            self.dialog.flow,
            method,
            lambda branch: self.dialog.request(method, branch, extra, body, kind),
            now,
            told,
        )

    def pass_on(self, uri: str, now: float, told: Callable[[str], None]) -> None:
        """Ask the phone to call ``uri`` instead of us; see :class:`Transfer`, which tells."""
        here = (("Contact", contact(self.dialog.flow)),)
        names = (("Refer-To", f"<{uri}>"), ("Referred-By", f"<{self.dialog.local_uri}>"))
        self.transfer = transfer = Transfer(self, self._timers, told)
        self.ask("REFER", now, transfer.hear, (*here, *names))
        transfer.begin(self.dialog.local_cseq, now)

    # -- the table

    def _feed(self, what: Input, now: float) -> None:
        found = TRANSITIONS.get((self.state, what))
        if found is None:
            return
        self.state, actions = found
        for action in actions:
            self._do(action, now)
        if self.state is State.ENDED:
            self._timers.cancel((self, Input.ACK))
            self._timers.cancel((self, Input.NO_ACK))
            self._session.stop()
            if self.transfer is not None:
                self.transfer.end(now)
            self._ended(self)

    def _do(self, action: Action, now: float) -> None:
        if action is Action.ANSWER:
            self._pending.respond(200, self._answer, now)
            self._timers.set((self, Input.NO_ACK), now + TIMEOUT, self._no_ack)
            self._timers.set((self, Input.ACK), now + self._interval, self._repeat)
            self._session.agree(self._terms, now)
        elif action is Action.ANSWER_ONCE:
            self._pending.respond(200, self._answer, now)
            self._session.agree(self._terms, now)
        elif action is Action.REFUSE:
            self._pending.respond(*self._refusal, now)
        elif action is Action.TERMINATE:
            self._prepare(487)
            self._pending.respond(*self._refusal, now)
        elif action is Action.TELL_OFFER:
            self._offered(self, self._invite.body.decode(errors="replace"))
        elif action is Action.TELL_ANSWER:
            self._answered(self, self._told_answer)
        elif action is Action.BYE:
            self._transactions.ask(
                self.dialog.flow,
                "BYE",
                lambda branch: self.dialog.request("BYE", branch),
                now,
            )

    def _repeat(self, now: float) -> None:
        """The 2xx again, also where nothing is lost: a proxy behind may lose it."""
        self._pending.respond(200, self._answer, now)
        self._interval = min(2 * self._interval, T2)
        self._timers.set((self, Input.ACK), now + self._interval, self._repeat)

    def _refresh(self, terms: Terms, now: float) -> None:
        extra = (("Contact", contact(self.dialog.flow)), *terms.in_request())
        self._transactions.ask(
            self.dialog.flow,
            "UPDATE",
            lambda branch: self.dialog.request("UPDATE", branch, extra),
            now,
            self._session.hear,
        )

    def _no_ack(self, now: float) -> None:
        self._feed(Input.NO_ACK, now)


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.OFFERED.value.replace(' ', '_')}"]
    for (state, what), (following, actions) in TRANSITIONS.items():
        done = f" / {', '.join(action.value for action in actions)}" if actions else ""
        end = "[*]" if following is State.ENDED else following.value.replace(" ", "_")
        lines.append(f"    {state.value.replace(' ', '_')} --> {end}: {what.value}{done}")
    return "\n".join(lines)
