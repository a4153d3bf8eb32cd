"""One call's part of the last day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.core import events as told
from gateway.core.events import SessionEvent, Status
from gateway.core.history import History

_ENDS_TURN: Final = "input_audio_buffer.speech_stopped"


class CallHistory:
    """A :class:`~gateway.core.observer.CallObserver`.

    :param clock: seconds since 1970, which observers are not told.
    """

    def __init__(self, history: History, clock: Callable[[], float]) -> None:
        self._history = history
        self._clock = clock
        self._cost = self._unpaid = 0.0
        self._agent = ""
        """Who answered last, or was handed the call since."""
        self._turn_ended_at: float | None = None
        self._is_over = False
        history.began(clock())

    def on_session_event(self, event: SessionEvent, now: float) -> None:
        """The session tells something; ``now`` is in seconds of a monotonic clock."""
        match event:
            case told.UpstreamEvent(upstream):
                self._on_model(upstream.get("type"), now)
            case told.TurnAnswered(times):
                heard_at = times.packet_at or times.delta_at
                wait = round((heard_at - times.ended_at) * 1000)
                self._history.answered(self._clock(), wait)
            case told.Message(role="assistant", agent=agent, metadata=metadata) if agent:
                figures = self._history.agent(agent)
                figures.answers += 1
                if metadata.get("direct") is False:
                    figures.by_supervisor += 1
                else:
                    figures.direct += 1
                self._agent = agent
                self._pay()
            case told.UsageChanged(usage):
                cost = usage.cost_usd or 0.0
                more = max(0.0, cost - self._cost)
                self._cost += more
                self._history.minute(self._clock()).cost_usd += more
                self._unpaid += more
                self._pay()
            case told.AgentEvent(agent_event):
                self._on_agent(agent_event, now)
            case told.StatusChanged(Status.DISCONNECTED) if not self._is_over:
                self._is_over = True
                self._history.ended(self._clock())

    def _pay(self) -> None:
        """What was spent before anybody answered is the first one's."""
        if self._agent:
            self._history.agent(self._agent).cost_usd += self._unpaid
            self._unpaid = 0.0

    def _on_model(self, kind: object, now: float) -> None:
        if kind == _ENDS_TURN:
            self._turn_ended_at = now
        elif kind == "error":
            self._history.minute(self._clock()).model_errors += 1

    def _on_agent(self, event: Mapping[str, Any], now: float) -> None:
        match event:
            case {"type": "handoff", "to": str(agent)}:
                self._agent = agent
            case {"type": "tool_end", "agent": str(agent), "ok": bool(ok)}:
                figures = self._history.agent(agent)
                figures.tools += 1
                figures.tool_errors += not ok
                self._history.minute(self._clock()).tool_errors += not ok
            case {"type": "filler", "agent": str(agent)}:
                ended = self._turn_ended_at
                wait = None if ended is None else round((now - ended) * 1000)
                self._history.bridged(agent, wait)
