"""What becomes of a call that comes: a session at once, or one that an application accepts it with
after a webhook told it that there is a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Final

import structlog
from sipmessage import Headers

from gateway.audit.actor import Actor, acts
from gateway.core.events import ErrorCode, GatewayError
from gateway.session import Session
from gateway.sessions import Sessions
from signaling.caller import Caller
from signaling.http_errors import Refused
from signaling.keys import Grant
from signaling.live_calls import LiveCall, LiveCalls
from signaling.realtime_session import open_session
from signaling.ringing import UNAVAILABLE, Ringing
from signaling.sip.call import Call
from signaling.webhook import Webhook, incoming_call
from signaling.webhook_sender import WebhookSender

log = structlog.get_logger(__name__)

RING_TIME: Final = 30.0
"""Seconds that an application has to decide."""

MAX_RINGING: Final = 256
"""Calls that wait for a decision at once; more are refused."""

_SECRET: Final = frozenset({"authorization", "proxy-authorization"})


class Reception:
    """Sessions for calls that come; every call is known to :class:`LiveCalls` by an id.

    :param sender: of webhooks; None: calls are answered at once.
    """

    def __init__(
        self,
        sessions: Sessions,
        live: LiveCalls,
        sender: WebhookSender | None = None,
    ) -> None:
        self._sessions = sessions
        self._live = live
        self._sender = sender
        self._ringing: dict[Call, Ringing] = {}
        self._telling: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def session(
        self, call: Call, agent_set: str | None, context: str | None
    ) -> AsyncIterator[Session]:
        """The session of a call that comes; within the block it is to be answered with it.

        :param agent_set: who was called. An application that accepts may name another set; so it is
            asked also where there is none of that name.
        :param context: what the agent is told of who calls.
        :raises Declined: it gets none.
        :raises GatewayError: as :meth:`Sessions.open`.
        """
        if self._sender is None:
            with acts(_caller(call)):
                session = self._sessions.open(
                    "sip", door="sip", agent_set=agent_set, ends_with_leg=True, context=context
                )
            self._live.add(self._live.new_id(), session)
            yield session
            return
        if agent_set is not None and not self._sessions.knows_agents(agent_set):
            agent_set = None
        with self._announced(call, self._sender) as (known, ringing):
            config = await ringing.decided(RING_TIME)
            config = replace(config, agent_set=config.agent_set or agent_set)
            caller = Caller(grant=Grant(config))
            with acts(_caller(call)):
                session = open_session(
                    self._sessions, "sip", caller, {}, context=context, door="sip"
                )
            self._live.add(known.id, session)
            yield session

    @contextlib.contextmanager
    def _announced(self, call: Call, sender: WebhookSender) -> Iterator[tuple[LiveCall, Ringing]]:
        """A call while it rings; whoever accepts it gets to know how the block ended."""
        self._sessions.admit(None)
        if len(self._ringing) >= MAX_RINGING:
            raise GatewayError(ErrorCode.CAPACITY, "too many calls wait to be accepted")
        ringing = self._ringing[call] = Ringing()
        known = self._live.ring(ringing)
        outcome: GatewayError | Refused | None = GatewayError(
            ErrorCode.INTERNAL, "the call could not be answered"
        )
        try:
            call.ring(asyncio.get_running_loop().time())
            self._tell(incoming_call(known.id, _shown(call), int(time.time())), ringing, sender)
            log.info("call rings", call=known.id)
            yield known, ringing
            outcome = None
        except GatewayError as error:
            outcome = error
            raise
        finally:
            ringing.settle(outcome)
            self._ringing.pop(call, None)
            if known.session is None:
                self._live.forget(known.id)

    def _tell(self, webhook: Webhook, ringing: Ringing, sender: WebhookSender) -> None:
        # Beside the decision, not before it: many applications accept before they answer.
        task = asyncio.create_task(_deliver(webhook, ringing, sender), name="sip-webhook")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def leave(self, call: Call) -> None:
        """The call is over."""
        if (ringing := self._ringing.get(call)) is not None:
            ringing.leave()

    async def close(self) -> None:
        """Nobody is told any more."""
        for task in self._telling:
            task.cancel()
        if self._telling:
            await asyncio.wait(self._telling)
        if self._sender is not None:
            await self._sender.close()


async def _deliver(webhook: Webhook, ringing: Ringing, sender: WebhookSender) -> None:
    delivered = await sender.deliver(webhook, lambda: not ringing.is_decided)
    if not delivered and not ringing.is_decided:
        ringing.reject(UNAVAILABLE)


def _caller(call: Call) -> Actor:
    return Actor(call.dialog.flow.remote[0], "sip")


def _shown(call: Call) -> list[tuple[str, str]]:
    """The headers of its INVITE, but for passwords."""
    headers = Headers() if call.offer is None else call.offer.asked.headers
    return [
        (name, value)
        for name in headers.keys()  # noqa: SIM118 - these are not iterable
        if name.lower() not in _SECRET
        for value in headers.getlist(name)
    ]
