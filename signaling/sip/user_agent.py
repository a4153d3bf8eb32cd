"""What requests are about: the gateway as a user agent server (RFC 3261 §8.2, §12.2.2).

Takes messages from flows, and tells its handler of calls. Whoever is not let in is answered without
a transaction (§8.2.7), so that a stranger's requests leave nothing behind.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from typing import Final, Protocol

from sipmessage import Headers

from signaling.buckets import Buckets
from signaling.sip.call import ALLOW, Call
from signaling.sip.call_table import State
from signaling.sip.dialog import Dialog, DialogId, user_of
from signaling.sip.digest import Digest, Verdict, username
from signaling.sip.guard import is_scanner
from signaling.sip.message import Malformed, Request, note_source, options, parse, response
from signaling.sip.placed_call import Caller, PlacedCall
from signaling.sip.registrar import Registrar
from signaling.sip.route import Route
from signaling.sip.session_timer import MIN_INTERVAL, IntervalTooSmall
from signaling.sip.timers import Timers
from signaling.sip.transaction import Flow, Transaction
from signaling.sip.transactions import Transactions

MESSAGES: Final = (100.0, 400.0)
"""Messages a second that one address may send, and at once; what is more is not even read."""

CALLS: Final = (10.0, 50.0)
"""The same of new calls, which are refused beyond it."""

RETRY_AFTER: Final = "5"
"""Seconds after which a phone that was refused may try again."""

_DTMF_SIGNAL: Final = re.compile(r"Signal\s*=\s*([0-9*#A-D]|1[01])\s*(?:\r?\n|$)", re.IGNORECASE)
_DTMF_KEY: Final = re.compile(r"\s*([0-9*#A-D])\s*", re.IGNORECASE)
_NUMBERED_KEYS: Final = {"10": "*", "11": "#"}

Extra = tuple[tuple[str, str], ...]


class CallHandler(Protocol):
    """Whoever answers calls. Must return at once."""

    def on_call(self, call: Call, sdp: str) -> None:
        """Somebody calls: accept or refuse, now or later; with no ``sdp``, offer."""

    def on_offer(self, call: Call, sdp: str) -> None:
        """The same for a further offer in the call."""

    def on_answer(self, call: Call, sdp: str) -> None:
        """The answer to an offer of ours: take it up, or hang up."""

    def on_key(self, call: Call, key: str) -> None:
        """A key of ``0-9*#A-D`` was pressed."""

    def on_ended(self, call: Call) -> None:
        """The call is over, whoever ended it."""


class UserAgent:
    """All calls of the gateway.

    :param digest: whom to let in; None: anybody, unless ``closed``.
    :param knows: whose calls come in without a password.
    :param closed: nobody else's do, if there are no passwords.
    """

    def __init__(
        self,
        handler: CallHandler,
        digest: Digest | None = None,
        knows: Callable[[Flow], bool] = lambda flow: False,
        *,
        closed: bool = False,
    ) -> None:
        self.timers = Timers()
        self.registrar = Registrar(self.timers)
        self._handler = handler
        self._digest = digest
        self._knows = knows
        self._closed = closed
        self._transactions = Transactions(self, self.timers)
        self._calls: dict[DialogId, Call] = {}
        self._begun: dict[tuple[str, str], Call] = {}
        """By Call-ID and the caller's tag."""
        self.messages = Buckets(*MESSAGES)
        self.new_calls = Buckets(*CALLS)
        self._tag_key = secrets.token_bytes(16)

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def is_idle(self) -> bool:
        """No call is there, and none of our requests waits for its answer."""
        return not self._calls and not self._transactions.awaits_responses

    @property
    def requests(self) -> Transactions:
        """For requests of ours that are about no call."""
        return self._transactions

    @property
    def transactions(self) -> int:
        """Those that are not forgotten yet."""
        return len(self._transactions)

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message, whatever it is."""
        if not self.messages.take(flow.remote[0], now):
            return
        try:
            message = parse(data)
        except Malformed as error:
            self._complain(error, flow)
            return
        if isinstance(message, Request):
            if is_scanner(message.headers.get("User-Agent")):
                return
            note_source(message.headers, *flow.remote)
            if not self._transactions.knows(message) and self._turned_away(message, flow, now):
                return
        self._transactions.receive(message, flow, now)

    def close(self, flow: Flow, now: float) -> None:
        """Nothing comes by ``flow`` any more, nor goes."""
        self.registrar.close(flow)
        self._transactions.close(flow, now)

    def _complain(self, error: Malformed, flow: Flow) -> None:
        if error.headers is None or is_scanner(error.headers.get("User-Agent")):
            return
        note_source(error.headers, *flow.remote)
        flow.send(response(error.headers, error.code, self._tag(error.headers)))

    # -- without a transaction

    def _turned_away(self, asked: Request, flow: Flow, now: float) -> bool:
        """Answer what is refused at the door."""
        if asked.method == "ACK":
            return False
        refusal = self._refusal(asked, flow, now)
        if refusal is None:
            return False
        code, extra = refusal
        flow.send(response(asked.headers, code, self._tag(asked.headers), extra))
        return True

    def _refusal(self, asked: Request, flow: Flow, now: float) -> tuple[int, Extra] | None:
        busy: tuple[int, Extra] = (503, (("Retry-After", RETRY_AFTER),))
        if self._transactions.is_full:
            return busy
        begins_call = asked.method == "INVITE" and not asked.to_tag
        if begins_call and not self.new_calls.take(flow.remote[0], now):
            return busy
        if not (begins_call or asked.method == "REGISTER"):
            return None
        if begins_call and self._knows(flow):
            return None
        if self._digest is None:
            return (403, ()) if self._closed and begins_call else None
        verdict = self._digest.judge(asked.method, asked.headers.get("Authorization"), now)
        if verdict is Verdict.GOOD:
            return None
        challenge = self._digest.challenge(now, stale=verdict is Verdict.STALE)
        return 401, (("WWW-Authenticate", challenge),)

    def _tag(self, headers: Headers) -> str:
        """The same for each copy of a request (RFC 3261 §8.2.7)."""
        seed = headers["Via"] + (headers.get("Call-ID") or "")
        return hmac.new(self._tag_key, seed.encode(), hashlib.sha256).hexdigest()[:16]

    # -- with one

    def on_request(self, request: Request, transaction: Transaction, now: float) -> None:
        """A request that did not come before; :class:`TransactionUser`."""
        call = self._call_of(request)
        try:
            code, extra = self._decide(request, transaction, now)
        except Malformed as error:
            code, extra = error.code, ()
        except IntervalTooSmall:
            code, extra = 422, (("Min-SE", str(MIN_INTERVAL)),)
        if code:
            tag = self._tag(request.headers)
            if request.method == "CANCEL" and call is not None:
                tag = call.dialog.local_tag  # As in the INVITE's responses (RFC 3261 §9.2).
            transaction.respond(code, response(request.headers, code, tag, extra), now)
        # The BYE is answered first: what it sets off may ask for more.
        if code == 200 and request.method == "BYE" and call is not None:
            call.bye(now)

    def _decide(self, asked: Request, transaction: Transaction, now: float) -> tuple[int, Extra]:
        """The response; 0: none now."""
        if asked.method == "CANCEL":
            return self._cancel(asked, now), ()
        if asked.method == "REFER":
            return 603, ()  # Nobody sends an agent somewhere else.
        if asked.method not in ALLOW.split(", "):
            return 405, (("Allow", ALLOW),)
        if required := [tag for tag in options(asked.headers, "Require") if tag != "timer"]:
            return 420, (("Unsupported", ", ".join(required)),)
        if asked.method == "REGISTER":
            return self.registrar.register(asked, self._account(asked), transaction.flow, now)
        if asked.to_tag:
            return self._within(asked, transaction, now)
        if user_of(asked.uri) is None:
            return 416, ()
        if asked.method == "OPTIONS":
            return 200, _ABILITIES
        if asked.method != "INVITE":
            return 481, ()
        return self._begin(asked, transaction, now)

    def _account(self, asked: Request) -> str | None:
        """Whose password came with a request that was let in; None: there are no accounts."""
        return None if self._digest is None else username(asked.headers["Authorization"])

    def _cancel(self, asked: Request, now: float) -> int:
        invite = self._transactions.cancelled(asked)
        if invite is None:
            return 481
        call = self._call_of(asked)
        if call is not None and call.is_offered_by(invite):
            call.cancel(now)
        return 200

    def _begin(self, invite: Request, transaction: Transaction, now: float) -> tuple[int, Extra]:
        if (invite.call_id, invite.from_tag) in self._begun:
            return 482, ()  # The same call by another way (§8.2.2.2).
        if refused := _unreadable_offer(invite):
            return refused
        call = self._call(Dialog.of_callee(invite, transaction.flow), State.OFFERED)
        call.begin(invite, transaction)
        call.user = user_of(invite.uri) or ""
        self._calls[call.dialog.id] = call
        self._begun[invite.call_id, invite.from_tag] = call
        transaction.respond(100, response(invite.headers, 100, ""), now)
        self._handler.on_call(call, _text(invite.body))
        return 0, ()

    def place(self, route: Route, sdp: str, caller: Caller, now: float) -> PlacedCall:
        """Call somebody.

        :param sdp: our offer.
        :param caller: told how it goes; the handler is told of the call that comes of it.
        """
        return PlacedCall(route, sdp, self._transactions, self.timers, caller, self._establish, now)

    def _establish(self, dialog: Dialog) -> Call:
        call = self._calls[dialog.id] = self._call(dialog, State.ESTABLISHED)
        return call

    def _call(self, dialog: Dialog, state: State) -> Call:
        return Call(
            dialog,
            state,
            self._transactions,
            self.timers,
            self._handler.on_offer,
            self._handler.on_answer,
            self._end,
        )

    def _within(self, asked: Request, transaction: Transaction, now: float) -> tuple[int, Extra]:
        call = self._call_of(asked)
        if call is None:
            return 481, ()
        if not call.dialog.admit(asked, transaction.flow):
            return 500, ()  # Out of order (§12.2.2).
        if asked.method in ("INVITE", "UPDATE"):
            if refused := _unreadable_offer(asked):
                return refused
            call.dialog.refresh(asked.headers)
            offers = asked.method == "INVITE" or asked.body
            if call.state is State.UPDATED or (offers and call.state is State.REOFFERED):
                return 500, (("Retry-After", RETRY_AFTER),)  # RFC 3261 §14.2, RFC 3311 §5.2
            if not offers:
                return 200, call.refresh(asked, now)
            return 0 if call.take_offer(asked, transaction, now) else 491, ()
        if asked.method == "INFO":
            return self._info(call, asked), ()
        if asked.method == "NOTIFY":
            return (481 if call.transfer is None else call.transfer.notify(asked, now)), ()
        return 200, _ABILITIES if asked.method == "OPTIONS" else ()

    def _info(self, call: Call, info: Request) -> int:
        kind, text = _content_type(info), _text(info.body)
        if kind == "application/dtmf-relay":
            found = _DTMF_SIGNAL.search(text)
        elif kind == "application/dtmf":
            found = _DTMF_KEY.fullmatch(text)
        else:
            return 415 if info.body else 200
        if found is None:
            return 200  # A flash, for one: nothing that an agent could use.
        self._handler.on_key(call, _NUMBERED_KEYS.get(found[1], found[1].upper()))
        return 200

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK of a 2xx; :class:`TransactionUser`."""
        call = self._call_of(request)
        if call is not None:
            call.acknowledge(request, now)

    def _call_of(self, asked: Request) -> Call | None:
        if asked.to_tag:
            return self._calls.get((asked.call_id, asked.to_tag, asked.from_tag))
        return self._begun.get((asked.call_id, asked.from_tag))

    def _end(self, call: Call) -> None:
        self._calls.pop(call.dialog.id, None)
        self._begun.pop((call.dialog.call_id, call.dialog.remote_tag), None)
        self._handler.on_ended(call)


_ABILITIES: Final[Extra] = (
    ("Allow", ALLOW),
    ("Supported", "timer"),
    ("Accept", "application/sdp, application/dtmf-relay, application/dtmf"),
)


def _unreadable_offer(invite: Request) -> tuple[int, Extra] | None:
    """Why there can be no answer to it: SDP is all that we read and write."""
    accepted = {kind.partition(";")[0].strip() for kind in options(invite.headers, "Accept")}
    if accepted and accepted.isdisjoint(("application/sdp", "application/*", "*/*")):
        return 406, ()
    if not invite.body:
        return None
    if _content_type(invite) != "application/sdp" or invite.headers.get("Content-Encoding"):
        return 415, (("Accept", "application/sdp"), ("Accept-Encoding", "identity"))
    return None


def _content_type(request: Request) -> str:
    return (request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()


def _text(body: bytes) -> str:
    return body.decode(errors="replace")
