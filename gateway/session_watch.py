"""What watches over a session: guardrails over its words, and a count of what it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.agents.spending import charge_to
from gateway.conversation import Conversation
from gateway.core.events import AgentEvent, SessionEvent
from gateway.core.usage import UsageReport
from gateway.realtime import protocol
from gateway.session_control import SessionControl
from gateway.session_guard import SessionGuard
from gateway.session_usage import CostRules, Payer, SessionUsage


class SessionWatch:
    """The watch over one session.

    :param model: the name of the model that speaks.
    :param emit: takes session events for the doors.
    :param send: takes client events for the model.
    """

    def __init__(
        self,
        payer: Payer,
        agents: SessionControl,
        conversation: Conversation,
        rules: CostRules,
        model: str,
        emit: Callable[[SessionEvent], None],
        send: Callable[[protocol.Event], None],
    ) -> None:
        self._guard = SessionGuard(
            conversation,
            guardrails=lambda: agents.settings.agents.guardrails,
            context=agents.guard_context,
            emit=emit,
            send=send,
        )
        self._usage = SessionUsage(
            rules,
            conversation,
            payer,
            model=model,
            transcription_model=agents.settings.transcription_model,
            emit=emit,
            clock=asyncio.get_running_loop().time,
        )

    @property
    def usage(self) -> UsageReport:
        """What was used until now."""
        return self._usage.report

    def begin(self) -> None:
        """In the session's root task: what this task and those it starts spend is its own."""
        charge_to(self._usage.add)

    async def run(self) -> None:
        """Own the judgements under way, until cancelled; then tell the last of what was used."""
        try:
            await self._guard.run()
        finally:
            self._usage.close()

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, and the conversation has taken it in."""
        self._guard.on_model_event(event)
        self._usage.on_model_event(event)

    def on_session_event(self, event: SessionEvent) -> None:
        """The session tells something."""
        if isinstance(event, AgentEvent):
            self._usage.on_agent_event(event.event)

    def tick(self) -> None:
        """Once a second."""
        self._usage.tick()
