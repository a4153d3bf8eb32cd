"""What watches over a session: guardrails over its words, and a count of what it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from gateway.agents.spending import charge_to
from gateway.conversation import Conversation
from gateway.core.events import AgentEvent, AgentSpeaks, SessionEvent, TurnAnswered
from gateway.core.turn_marks import TurnTimes
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
        self._conversation = conversation
        self._emit = emit
        self._clock = asyncio.get_running_loop().time
        self._usage = SessionUsage(
            rules,
            conversation,
            payer,
            model=model,
            transcription_model=agents.settings.transcription_model,
            emit=emit,
            clock=self._clock,
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
        if event["type"] == protocol.RESPONSE_DONE and not self._conversation.audible:
            self._answered(self._conversation.marks.over())

    def on_played(self, started: Sequence[str]) -> None:
        """The caller was sent the first sample of these items."""
        if started and not self._answered(self._conversation.marks.sent(self._clock())):
            self._emit(AgentSpeaks())

    def _answered(self, times: TurnTimes | None) -> bool:
        if times is not None:
            self._emit(TurnAnswered(times))
        return times is not None

    def on_session_event(self, event: SessionEvent) -> None:
        """The session tells something."""
        if isinstance(event, AgentEvent):
            self._usage.on_agent_event(event.event)

    def tick(self) -> None:
        """Once a second."""
        self._usage.tick()
