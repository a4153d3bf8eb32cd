"""What has to be accounted for is noted here: who joined, listened, changed, deleted, exported."""

from __future__ import annotations

from typing import Protocol

from gateway.audit.actor import Actor

Fact = str | int | float | bool | None


class Audit(Protocol):
    """An action is ``what.done``: ``session.opened``, ``recording.deleted``. Facts are names,
    numbers and reasons: never words of a conversation, never a secret.
    """

    def check(self) -> None:
        """What will have to be noted is about to begin.

        :raises GatewayError: ``capacity``: it cannot be written down, and must not begin.
        """

    def note(self, action: str, actor: Actor, session: str | None = None, **facts: Fact) -> None:
        """Note what is about to be done, before it is done; on the event loop.

        :raises GatewayError: as :meth:`check`.
        """

    def happened(
        self, action: str, actor: Actor, session: str | None = None, **facts: Fact
    ) -> None:
        """Note what nobody can refuse any more: what followed a :meth:`check`, and its end."""


class NoAudit:
    """Nobody wants to know."""

    def check(self) -> None: ...

    def note(
        self, action: str, actor: Actor, session: str | None = None, **facts: Fact
    ) -> None: ...

    def happened(
        self, action: str, actor: Actor, session: str | None = None, **facts: Fact
    ) -> None: ...


NO_AUDIT = NoAudit()
