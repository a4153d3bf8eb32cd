"""The calls that have an id, whatever door they came by, and who may control which."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gateway.session import Session
from gateway.sessions import Sessions
from signaling.caller import Caller
from signaling.http_errors import conflict, not_found
from signaling.keys import Grant
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

    @property
    def owner(self) -> str | None:
        """Who opened it; None: a phone, or anybody at an open gateway."""
        return self.session.owner if self.session is not None else None

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

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._calls: dict[str, LiveCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def ids(self) -> Collection[str]:
        return self._calls.keys()

    def new_id(self) -> str:
        """An id that cannot be guessed."""
        return f"{PREFIX}{self._sessions.mark}{secrets.token_hex(16)}"

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

    def find(self, call_id: str, caller: Caller) -> LiveCall:
        """The call that ``caller`` may control: those it opened, with an ephemeral key those of the
        key. An operator may control any; so may, at an open gateway, a server's credential, and
        anybody those that needed none.

        :raises Refused: ``not_found``, also for a call in another's hand.
        """
        call = self._calls.get(call_id)
        if (
            call is None
            or (call.session is not None and call.session.ended)
            or not caller.controls(call.owner, call.key_id)
        ):
            raise not_found(f"there is no call {call_id[:64]!r}")
        return call
