"""One call, from the phone's INVITE or its answer to ours to the end (RFC 3261 §13, §14, §15).

Theory of operation. A call is *offered* by an INVITE, and *answered* with 2xx, which is repeated
until its ACK. Only then it is *established*, and only then the callee may hang up with a BYE (§15);
who wants to hang up before is *leaving*. A call of ours begins here when it is established; what is
before that is :mod:`signaling.sip.placed_call`'s matter.

An INVITE in an established call offers again: hold, resume, another path for the media. A refusal
of that leaves the call as it was. An UPDATE (RFC 3311) offers the same without an ACK. To an INVITE
without an offer ours is *proposed* in the 2xx, and its ACK has the answer (RFC 3261 §13.2.1).

An INVITE of ours in an established call is for its session timer alone: it offers what was agreed
last, word for word, so that nothing changes (RFC 4028 §7.4).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from signaling.sip.call_table import TRANSITIONS, Action, Input, State
from signaling.sip.dialog import Dialog, contact
from signaling.sip.dialog_requests import DialogRequests, Extra
from signaling.sip.message import Malformed, Request, Response, response
from signaling.sip.session_timer import SessionTimer, Terms, terms_of_request
from signaling.sip.timers import Timers
from signaling.sip.transaction import T1, T2, TIMEOUT, Told, Transaction
from signaling.sip.transactions import Transactions
from signaling.sip.transfer import Transfer

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, INFO, NOTIFY, OPTIONS, REGISTER, UPDATE"


@dataclass(eq=False, slots=True)
class Offer:
    """An INVITE or UPDATE, until its answer is known to have come.

    :ivar answer: our 2xx, while it is repeated.
    :ivar interval: seconds until it is.
    """

    asked: Request
    transaction: Transaction
    terms: Terms | None
    answer: bytes = b""
    interval: float = T1


class Call:
    """A call with a phone, whichever end called.

    :param offered: told of each further offer: the call and its SDP, empty if we are to offer.
    :param answered: told of the answer to an offer of ours.
    :param ended: told once, however the call ended.
    """

    def __init__(
        self,
        dialog: Dialog,
        state: State,
        transactions: Transactions,
        timers: Timers,
        offered: Callable[[Call, str], None],
        answered: Callable[[Call, str], None],
        ended: Callable[[Call], None],
    ) -> None:
        self.state = state
        self.dialog = dialog
        self.user = ""
        """Who was called."""
        self.transfer: Transfer | None = None
        """The last one, for as long as the call goes on."""
        self._timers = timers
        self._offered = offered
        self._answered = answered
        self._ended = ended
        self._session = SessionTimer(
            timers, self._refresh, self.hang_up, is_caller=dialog.is_caller
        )
        self._requests = DialogRequests(dialog, transactions)
        self._offer: Offer | None = None
        self._said = ""
        """Our last description, and the peer's."""
        self._heard = ""
        self._told_answer = ""
        self._refusal = (500, b"")
        self._refresh_headers: Extra = ()

    def begin(self, invite: Request, transaction: Transaction) -> None:
        """The INVITE that the call came with.

        :raises Malformed, IntervalTooSmall: it makes no call.
        """
        self._offer = Offer(invite, transaction, terms_of_request(invite.headers))

    def begin_placed(self, said: str, heard: str, terms: Terms | None, now: float) -> None:
        """Our offer, its answer, and what else the 2xx to our INVITE says."""
        self._said, self._heard = said, heard
        self._session.agree(terms, now)

    @property
    def offer(self) -> Offer | None:
        """What waits for an answer of ours: an offer, or a request for one."""
        waits = self.state in (State.OFFERED, State.REOFFERED, State.UPDATED)
        return self._offer if waits else None

    @property
    def is_passed_on(self) -> bool:
        """Whether the phone has somebody else to talk to."""
        return self.transfer is not None and self.transfer.is_taken

    def is_offered_by(self, transaction: Transaction | None) -> bool:
        """Whether ``transaction`` is the INVITE that waits for an answer."""
        return self._offer is not None and transaction is self._offer.transaction

    # -- what the gateway wants

    def accept(self, sdp: str, now: float, offer: Offer | None = None) -> None:
        """Answer an offer; where there was none, ``sdp`` is ours.

        :param offer: which; nothing happens if that is not the one that waits, as another may have
            come while ``sdp`` was made. None: the one that waits.
        """
        pending = self._pending(offer)
        if pending is None:
            return
        asked, tag = pending.asked.headers, self.dialog.local_tag
        extra = [("Record-Route", route) for route in asked.getlist("Record-Route")]
        pending.answer = response(asked, 200, tag, (*extra, *self._agreed(pending.terms)), sdp)
        self._said = sdp
        self._feed(Input.ACCEPT if pending.asked.body else Input.PROPOSE, now)

    def ring(self, now: float) -> None:
        """Tell who calls that the answer takes a while (RFC 3261 §13.3.1.1)."""
        if self.state is State.OFFERED and self._offer is not None:
            asked, tag = self._offer.asked.headers, self.dialog.local_tag
            routes = [("Record-Route", route) for route in asked.getlist("Record-Route")]
            here = ("Contact", contact(self.dialog.flow))
            ringing = response(asked, 180, tag, (*routes, here))
            self._offer.transaction.respond(180, ringing, now)

    def refuse(self, code: int, now: float, extra: Extra = (), offer: Offer | None = None) -> None:
        """Refuse an offer, as in :meth:`accept`; an established call goes on as it was."""
        if self._pending(offer) is not None:
            self._prepare(code, extra)
            self._feed(Input.REFUSE, now)

    def _pending(self, wanted: Offer | None) -> Offer | None:
        waits = self.offer
        return waits if wanted is None or wanted is waits else None

    def _agreed(self, terms: Terms | None) -> Extra:
        """Headers of a 2xx."""
        return (*self._abilities(), *(terms.in_response() if terms is not None else ()))

    def _abilities(self) -> Extra:
        return (("Contact", contact(self.dialog.flow)), ("Allow", ALLOW), ("Supported", "timer"))

    def hang_up(self, now: float) -> None:
        """End the call, whatever its state."""
        if self.offer is not None:
            self._prepare(480)
        self._feed(Input.HANG_UP, now)

    def _prepare(self, code: int, extra: Extra = ()) -> None:
        assert self._offer is not None
        asked = self._offer.asked.headers
        self._refusal = code, response(asked, code, self.dialog.local_tag, extra)

    # -- what the phone wants

    def take_offer(self, asked: Request, transaction: Transaction, now: float) -> bool:
        """An INVITE within the call, or an UPDATE with an offer. False: not now.

        :raises Malformed, IntervalTooSmall: it changes nothing.
        """
        if self.state is not State.ESTABLISHED:
            return False
        self._offer = Offer(asked, transaction, terms_of_request(asked.headers))
        self._feed(Input.UPDATE if asked.method == "UPDATE" else Input.OFFER, now)
        return True

    def refresh(self, update: Request, now: float) -> Extra:
        """An UPDATE without an offer: the headers of its 2xx.

        :raises Malformed, IntervalTooSmall: it changes nothing.
        """
        terms = terms_of_request(update.headers)
        self._session.agree(terms, now)
        return self._agreed(terms)

    def acknowledge(self, ack: Request, now: float) -> None:
        if self._offer is not None and ack.cseq == self._offer.asked.cseq:
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
        told: Told | None = None,
        extra: Extra = (),
        body: str = "",
        kind: str = "",
    ) -> None:
        """Send a request that changes nothing of the call's state.

        :param told: of its final response, or that none came, and when.
        """
        self._requests.ask(method, now, told, extra, body, kind)

    def pass_on(self, uri: str, now: float, told: Callable[[str], None]) -> None:
        """Ask the phone to call ``uri`` instead of us; see :class:`Transfer`, which tells."""
        here = (("Contact", contact(self.dialog.flow)),)
        names = (("Refer-To", f"<{uri}>"), ("Referred-By", f"<{self.dialog.local_uri}>"))
        self.transfer = transfer = Transfer(self, self._timers, told)
        transfer.begin(now)
        self._requests.ask(
            "REFER", now, transfer.hear, (*here, *names), numbered=transfer.goes_under
        )

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
            self._requests.abandon(now)
            if self.transfer is not None:
                self.transfer.end(now)
            self._ended(self)

    def _do(self, action: Action, now: float) -> None:
        match action:
            case Action.TELL_ANSWER:
                self._heard = self._told_answer
                self._answered(self, self._heard)
            case Action.INVITE:
                self._requests.offer(self._said, now, self._hear_invite, self._refresh_headers)
            case Action.BYE:
                self.ask("BYE", now)
            case _:
                assert self._offer is not None
                self._respond(action, self._offer, now)

    def _respond(self, action: Action, offer: Offer, now: float) -> None:
        pending = offer.transaction
        if action is Action.ANSWER:
            pending.respond(200, offer.answer, now)
            self._timers.set((self, Input.NO_ACK), now + TIMEOUT, self._no_ack)
            self._timers.set((self, Input.ACK), now + offer.interval, self._repeat)
            self._session.agree(offer.terms, now)
        elif action is Action.ANSWER_ONCE:
            pending.respond(200, offer.answer, now)
            self._session.agree(offer.terms, now)
        elif action is Action.REFUSE:
            pending.respond(*self._refusal, now)
        elif action is Action.TERMINATE:
            self._prepare(487)
            pending.respond(*self._refusal, now)
        elif action is Action.TELL_OFFER:
            self._heard = offer.asked.body.decode(errors="replace")
            self._offered(self, self._heard)

    def _repeat(self, now: float) -> None:
        """The 2xx again, also where nothing is lost: a proxy behind may lose it."""
        assert self._offer is not None
        self._offer.transaction.respond(200, self._offer.answer, now)
        self._offer.interval = min(2 * self._offer.interval, T2)
        self._timers.set((self, Input.ACK), now + self._offer.interval, self._repeat)

    def _no_ack(self, now: float) -> None:
        self._feed(Input.NO_ACK, now)

    # -- the session timer

    def _refresh(self, terms: Terms, now: float) -> None:
        headers = (*self._abilities(), *terms.in_request())
        if "update" in self.dialog.peer_allows:
            self.ask("UPDATE", now, self._hear_update, headers)
        elif self.state is State.ESTABLISHED:
            self._refresh_headers = headers
            self._feed(Input.REFRESH, now)
        else:
            self._session.retry(now)

    def _hear_update(self, answer: Response | None, now: float) -> None:
        if answer is not None and answer.code in (405, 501):
            self.dialog.peer_allows.remove("update")  # So it was said; by INVITE then.
            self._session.retry(now)
        else:
            self._hear_refresh(answer, now)

    def _hear_invite(self, answer: Response | None, now: float) -> None:
        if answer is None or answer.code >= 300:
            self._feed(Input.REFUSED, now)
        else:
            told = answer.body.decode(errors="replace")
            self._told_answer = told
            self._feed(Input.CHANGED if told not in ("", self._heard) else Input.AGREED, now)
        self._hear_refresh(answer, now)

    def _hear_refresh(self, answer: Response | None, now: float) -> None:
        if answer is not None and answer.code < 300:
            with contextlib.suppress(Malformed):
                self.dialog.refresh(answer.headers)
        self._session.hear(answer, now)
