"""Requests of ours within a call; those that are challenged go again, with credentials (RFC 3261
§22.2).
"""

from __future__ import annotations

from collections.abc import Callable

from signaling.sip.dialog import Dialog, contact
from signaling.sip.message import Response
from signaling.sip.outgoing import CREDENTIALS, Header, Outgoing
from signaling.sip.transaction import Input, Told, Transaction
from signaling.sip.transactions import Transactions, make_branch

MAX_TRIES = 3
"""Of one request: a server may call nonces stale for ever."""

Extra = tuple[Header, ...]


class DialogRequests:
    """What one call asks for.

    :param dialog: its flow, target and numbers are used; its credentials answer challenges.
    """

    def __init__(self, dialog: Dialog, transactions: Transactions) -> None:
        self._dialog = dialog
        self._transactions = transactions
        self._invite: Transaction | None = None

    def ask(
        self,
        method: str,
        now: float,
        told: Told | None = None,
        extra: Extra = (),
        body: str = "",
        kind: str = "application/sdp",
        tries: int = 1,
        numbered: Callable[[int], None] | None = None,
    ) -> None:
        """Send a request that is no INVITE.

        :param told: of its final response, or that none came, and when.
        :param numbered: told of the CSeq that it goes under, each time.
        """
        sent = self._dialog.request(method, make_branch(), extra, body, kind)
        if numbered is not None:
            numbered(sent.cseq)

        def hear(response: Response | None, at: float) -> None:
            known = self._known(response, sent, tries)
            if known is not None:
                again = (*_anew(extra), known)
                self.ask(method, at, told, again, body, kind, tries + 1, numbered)
            elif told is not None:
                told(response, at)

        self._transactions.send(self._dialog.flow, sent, now, hear)

    def offer(self, sdp: str, now: float, told: Told, extra: Extra = (), tries: int = 1) -> None:
        """Send an INVITE (RFC 3261 §14.1); each 2xx gets its ACK.

        :param told: of its final response, or that none came, and when; once.
        """
        dialog = self._dialog
        here = (("Contact", contact(dialog.flow)),)
        sent = dialog.request("INVITE", make_branch(), (*here, *extra), sdp)
        is_told, ack = False, b""

        def hear(response: Response | None, at: float) -> None:
            nonlocal is_told, ack
            if response is not None and response.code < 200:
                return
            if response is not None and response.code < 300:
                ack = ack or dialog.ack(sent, make_branch()).encode()
                dialog.flow.send(ack)
            if is_told:
                return
            is_told = True
            known = self._known(response, sent, tries)
            if known is not None:
                self.offer(sdp, at, told, (*_anew(extra), known), tries + 1)
            else:
                told(response, at)

        self._invite = self._transactions.invite(dialog.flow, sent, now, hear)

    def abandon(self, now: float) -> None:
        """The call is over: nobody waits for the answer to an offer any more."""
        if self._invite is not None:
            self._invite.feed(Input.ABANDON, now)

    def _known(self, response: Response | None, sent: Outgoing, tries: int) -> Header | None:
        """The header with which a challenged request may pass."""
        credentials = self._dialog.credentials
        if response is None or credentials is None or tries >= MAX_TRIES:
            return None
        return credentials.authorization(response, sent.method, sent.uri, sent.headers)


def _anew(extra: Extra) -> Extra:
    """Without the credentials that were refused."""
    return tuple(header for header in extra if header[0] not in CREDENTIALS)
