"""The calls that have an id, whatever door they came by, and who may control which."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gateway.core.events import ErrorCode, GatewayError
from gateway.session import Session
from gateway.sessions import Sessions
from signaling.http_errors import conflict, not_found
from signaling.keys import EphemeralKeys, Grant, is_key
from signaling.ringing import Ringing

PREFIX: Final = "rtc_"


@dataclass(slots=True)
class LiveCall:
    """A call.

    :ivar key_id: of the ephemeral key that opened it; None: none was needed.
    :ivar ringing: what an application has yet to decide about it; None: nothing any more.
    """

    id: str
    key_id: str | None = None
    session: Session | None = None
    ringing: Ringing | None = None

    def in_progress(self) -> Session:
        """The session of a call that was answered.

        :raises Refused: ``conflict``: it rings.
        """
        if self.session is None:
            raise conflict("the call has not been accepted yet")
        return self.session


class LiveCalls:
    """All of this gateway. A call is known from its first sign until nothing is left of its
    session.
    """

    def __init__(self, sessions: Sessions, keys: EphemeralKeys) -> None:
        self._sessions = sessions
        self._keys = keys
        self._calls: dict[str, LiveCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def ids(self) -> Collection[str]:
        return self._calls.keys()

    @staticmethod
    def new_id() -> str:
        """An id that cannot be guessed."""
        return f"{PREFIX}{secrets.token_hex(16)}"

    def ring(self, ringing: Ringing) -> LiveCall:
        """A call that an application is to decide about."""
        call = LiveCall(self.new_id(), ringing=ringing)
        self._calls[call.id] = call
        return call

    def add(self, call_id: str, session: Session, grant: Grant | None = None) -> LiveCall:
        """A call that is answered. ``grant``: what opened it."""
        key_id = grant.key_id if grant is not None else None
        call = self._calls.setdefault(call_id, LiveCall(call_id, key_id))
        call.session, call.ringing = session, None
        self._sessions.when_ended(session, lambda: self.forget(call_id))
        return call

    def forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)

    def find(self, call_id: str, token: str | None, *, even_expired: bool = False) -> LiveCall:
        """The call that ``token`` may control: with an ephemeral key those it opened, with a
        server's credential any, without either those that needed none.

        :param even_expired: the key may have expired since.
        :raises GatewayError: ``unauthorized``.
        :raises Refused: ``not_found``.
        """
        key_id = self._key_id(token, even_expired=even_expired)
        call = self._calls.get(call_id)
        if call is None or (call.session is not None and call.session.ended):
            raise not_found(f"there is no call {call_id[:64]!r}")
        if token is None and call.key_id is not None:
            raise GatewayError(ErrorCode.UNAUTHORIZED, "the call needs the key that opened it")
        if key_id is not None and not hmac.compare_digest(call.key_id or "", key_id):
            raise GatewayError(ErrorCode.UNAUTHORIZED, "the key is for another call")
        return call

    def _key_id(self, token: str | None, *, even_expired: bool) -> str | None:
        if token is not None and is_key(token) and even_expired:
            return self._keys.id_of(token)
        return self._keys.open(token).key_id
