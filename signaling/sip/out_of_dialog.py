"""Requests of ours outside of a dialog, to one server: REGISTER, OPTIONS (RFC 3261 §8.1, §10.2)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from signaling.sip.credentials import Credentials
from signaling.sip.dialog import via
from signaling.sip.message import Response, source_seen
from signaling.sip.outgoing import Header, Outgoing
from signaling.sip.transaction import Flow, Told
from signaling.sip.transactions import Transactions, make_branch

MAX_CHALLENGES: Final = 3
"""To one request: of two proxies, or of a nonce that was too old."""

Extra = tuple[Header, ...]


class OutOfDialog:
    """Their Call-ID stays, and their CSeq goes up.

    :param sender: the URI of From.
    :param to: that of To.
    :param credentials: what a challenge is answered with; None: with nothing.
    """

    def __init__(
        self,
        transactions: Transactions,
        sender: str,
        to: str,
        credentials: Credentials | None = None,
    ) -> None:
        self._transactions = transactions
        self._from = f"<{sender}>;tag={secrets.token_hex(8)}"
        self._to = f"<{to}>"
        self._credentials = credentials
        self._call_id = secrets.token_hex(12)
        self._cseq = secrets.randbelow(2**16)
        self.seen_as: tuple[str, int] | None = None
        """Our address and port as the last response tells them."""

    def ask(
        self,
        flow: Flow,
        method: str,
        uri: str,
        extra: Callable[[], Extra],
        now: float,
        told: Told,
    ) -> None:
        """Send a request, and again with credentials when it is challenged.

        :param extra: further headers, for each time that it is sent.
        :param told: of the response that is left, or that none came, and when.
        """

        def send(given: Extra, at: float) -> None:
            def hear(response: Response | None, later: float) -> None:
                if response is not None:
                    self.seen_as = source_seen(response)
                    header = self._answer(response, method, uri, given)
                    if header is not None:
                        send((*given, header), later)
                        return
                told(response, later)

            self._cseq += 1
            sent = self._request(flow, method, uri, (*given, *extra()))
            self._transactions.send(flow, sent, at, hear)

        send((), now)

    def _answer(self, response: Response, method: str, uri: str, given: Extra) -> Header | None:
        if self._credentials is None or len(given) >= MAX_CHALLENGES:
            return None
        return self._credentials.authorization(response, method, uri, given)

    def _request(self, flow: Flow, method: str, uri: str, extra: Extra) -> Outgoing:
        headers = (
            ("Via", via(flow, make_branch())),
            ("Max-Forwards", "70"),
            ("From", self._from),
            ("To", self._to),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} {method}"),
            *extra,
        )
        return Outgoing(method, uri, headers)
