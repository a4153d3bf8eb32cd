"""A call that rings until an application decides about it."""

from __future__ import annotations

import asyncio
from typing import Final

from gateway.core.events import GatewayError
from signaling.http_errors import Refused, conflict, not_found
from signaling.session_config import SessionConfig

DECLINE: Final = 603
"""What a caller is told of whom an application wants nothing (RFC 3261 §21.6.2)."""

UNAVAILABLE: Final = 480
"""What a caller is told if nobody decided."""


class Declined(Exception):
    """The caller is to be told ``code``, of SIP's 300 to 699."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Ringing:
    """One decision, made once: by an application, by the caller's leaving, or by the clock.

    The door waits in :meth:`decided`, and says with :meth:`settle` what came of it; whoever
    accepted waits for that.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._decision: asyncio.Future[SessionConfig | int | None] = loop.create_future()
        self._outcome: asyncio.Future[GatewayError | Refused | None] = loop.create_future()

    @property
    def is_decided(self) -> bool:
        return self._decision.done()

    async def accept(self, config: SessionConfig) -> None:
        """Answer the call; returns when it is answered.

        :raises Refused: ``conflict``: it was decided before; ``not_found``: the caller left.
        :raises GatewayError: the call could not be answered.
        """
        self._decide(config)
        error = await asyncio.shield(self._outcome)
        if error is not None:
            raise error

    def reject(self, code: int = DECLINE) -> None:
        """Refuse the call. :raises Refused: ``conflict``: it was decided before."""
        self._decide(code)

    def _decide(self, decision: SessionConfig | int) -> None:
        if self._decision.done():
            raise conflict("the call was accepted or rejected before")
        self._decision.set_result(decision)

    def leave(self) -> None:
        """The caller is gone."""
        if not self._decision.done():
            self._decision.set_result(None)
        self.settle(not_found("the caller has left"))

    async def decided(self, timeout: float) -> SessionConfig:
        """What session the call gets.

        :param timeout: seconds until it is not answered any more.
        :raises Declined: it gets none.
        """
        try:
            async with asyncio.timeout(timeout):
                decision = await asyncio.shield(self._decision)
        except TimeoutError:
            # Whoever accepts a moment later is told that it came too late.
            self.leave()
            raise Declined(UNAVAILABLE) from None
        if self._outcome.done():  # The caller left after it was accepted.
            raise Declined(UNAVAILABLE)
        if isinstance(decision, SessionConfig):
            return decision
        raise Declined(UNAVAILABLE if decision is None else decision)

    def settle(self, error: GatewayError | Refused | None) -> None:
        """What became of a call that was accepted; what was said first stays."""
        if not self._outcome.done():
            self._outcome.set_result(error)
