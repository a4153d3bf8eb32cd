"""All transactions of the gateway: which one a message belongs to (RFC 3261 §17.1.3, §17.2.3)."""

from __future__ import annotations

import secrets
from collections.abc import Hashable
from typing import Final, Protocol

from signaling.sip.message import MAGIC_COOKIE, Request, Response
from signaling.sip.outgoing import Outgoing
from signaling.sip.timers import Timers
from signaling.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Flow,
    Input,
    State,
    Told,
    Transaction,
    kind_of,
)

MAX_TRANSACTIONS: Final = 20_000
"""At about 3 kB each; a gateway with so many is under attack."""


class TransactionUser(Protocol):
    """Whoever decides what requests are about."""

    def on_request(self, request: Request, transaction: Transaction, now: float) -> None:
        """A request that did not come before, and is no ACK."""

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK of a 2xx, or of nothing."""


class Transactions:
    """Live transactions by what identifies them."""

    def __init__(self, user: TransactionUser, timers: Timers) -> None:
        self._user = user
        self._timers = timers
        self._live: dict[Hashable, Transaction] = {}
        self._unanswered = 0

    def __len__(self) -> int:
        return len(self._live)

    @property
    def is_full(self) -> bool:
        return len(self._live) >= MAX_TRANSACTIONS

    @property
    def awaits_responses(self) -> bool:
        """Whether a request of ours is under way."""
        return self._unanswered > 0

    def knows(self, request: Request) -> bool:
        """Whether a request belongs to a transaction that is there."""
        return self._find(request) is not None

    def receive(self, message: Request | Response, flow: Flow, now: float) -> None:
        """Give a message to its transaction, or make one."""
        if isinstance(message, Response):
            client = self._live.get((message.branch, message.method))
            if client is not None:
                client.feed(kind_of(message.code), now, heard=message)
            return
        found = self._find(message)
        if message.method == "ACK":
            # The ACK of a 2xx is a transaction of its own, but for some phones.
            if found is None or found.state is State.ACCEPTED:
                self._user.on_ack(message, now)
            else:
                found.feed(Input.ACK, now)
        elif found is not None:
            found.feed(Input.COPY, now)
        else:
            machine = INVITE_SERVER if message.method == "INVITE" else SERVER
            key = _key(message, message.method)
            made = Transaction(machine, key, flow, self._timers, self._forget)
            self._live[key] = made
            self._user.on_request(message, made, now)

    def _find(self, request: Request) -> Transaction | None:
        method = "INVITE" if request.method == "ACK" else request.method
        return self._live.get(_key(request, method))

    def cancelled(self, cancel: Request) -> Transaction | None:
        """The INVITE that a CANCEL is about (RFC 3261 §9.2)."""
        return self._live.get(_key(cancel, "INVITE"))

    def send(self, flow: Flow, request: Outgoing, now: float, told: Told | None = None) -> None:
        """Send a request of our own that is no INVITE; its Via has a branch of
        :func:`make_branch`.

        :param told: of its final response, or that none came, and when.
        """
        self._unanswered += 1

        def answered(response: Response | None, at: float) -> None:
            self._unanswered -= 1
            if told is not None:
                told(response, at)

        key = (request.branch, request.method)
        made = Transaction(CLIENT, key, flow, self._timers, self._forget, answered)
        self._live[key] = made
        made.begin(request.encode(), now)

    def invite(self, flow: Flow, invite: Outgoing, now: float, told: Told) -> Transaction:
        """Send an INVITE of our own; its Via has a branch of :func:`make_branch`.

        :param told: of each response but copies of a refusal, or that no final one came, and when.
        """
        key = (invite.branch, "INVITE")
        is_answered = False
        self._unanswered += 1

        def heard(response: Response | None, at: float) -> None:
            nonlocal is_answered
            if not is_answered and (response is None or response.code >= 200):
                is_answered = True
                self._unanswered -= 1
            told(response, at)

        made = Transaction(
            INVITE_CLIENT,
            key,
            flow,
            self._timers,
            self._forget,
            heard,
            lambda refusal: invite.ack(refusal).encode(),
        )
        self._live[key] = made
        made.begin(invite.encode(), now)
        return made

    def close(self, flow: Flow, now: float) -> None:
        """Nothing comes by ``flow`` any more; who waits for a response is told (§17.1.4)."""
        for transaction in [each for each in self._live.values() if each.flow is flow]:
            transaction.feed(Input.CLOSED, now)

    def _forget(self, key: Hashable) -> None:
        self._live.pop(key, None)


def make_branch() -> str:
    """Of a request of ours; nobody can guess it."""
    return f"{MAGIC_COOKIE}{secrets.token_hex(8)}"


def _key(request: Request, method: str) -> Hashable:
    if request.branch.startswith(MAGIC_COOKIE):
        return (request.branch, request.sent_by, method)
    # Of RFC 2543, whose branches are not unique; a CANCEL and an ACK repeat all of this.
    return (request.uri, request.call_id, request.from_tag, request.cseq, request.sent_by, method)
