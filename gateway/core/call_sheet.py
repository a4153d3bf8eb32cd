"""What an operator sees of one call: how it stands, and what happened when; never what was said.

Times are in ms since the call began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from gateway.core import events as told
from gateway.core.events import CallStats, SessionEvent, Status
from gateway.core.observer import CallFacts
from gateway.core.turn_marks import TurnTimes

MAX_ENTRIES: Final = 1_000
"""Of a time line; the oldest go first."""

Entry = dict[str, Any]

_SPEAKS: Final = "input_audio_buffer.speech_started"
_PAUSES: Final = "input_audio_buffer.speech_stopped"

_SHOWN: Final = frozenset(
    {"from", "to", "agent", "tool", "lookup", "ms", "ok", "category", "cut", "costUsd"}
)
"""Of what agents tell; arguments, results and reasons are not among it."""


class CallSheet:
    """One call; a :class:`~gateway.core.observer.CallObserver`."""

    def __init__(self, facts: CallFacts) -> None:
        self.facts = facts
        self.status = Status.CONNECTING
        self.reason = ""
        """Why it ended, or is about to."""
        self.leg = ""
        """Of WebRTC: W3C's word for the peer connection's state; empty: there is none."""
        self.stats: CallStats | None = None
        self.cost_usd: float | None = None
        self.turns = 0
        """Answers to the caller that began."""
        self.barge_ins = 0
        self.tools = 0
        self.tool_errors = 0
        self.model_errors = 0
        self.last_turn_ms: int | None = None
        """From the end of the caller's turn to the first packet of the answer."""
        self.ended_at: float | None = None
        self.entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self._caller: Entry | None = None
        self._agent: Entry | None = None

    @property
    def caller_speaks(self) -> bool:
        return self._caller is not None

    @property
    def agent_speaks(self) -> bool:
        return self._agent is not None

    def on_session_event(self, event: SessionEvent, now: float) -> None:
        """The session tells something; ``now`` is in seconds of the clock of ``facts``."""
        at = self._ms(now)
        match event:
            case told.UpstreamEvent(upstream):
                self._on_model(upstream, at)
            case told.TurnAnswered(times):
                self._on_turn(times)
            case told.AgentSpeaks():
                self._quiet(at)
                self._agent = self._add("agent", at, ms=None)
            case told.AudioInterrupted():
                self.barge_ins += 1
                self._quiet(at, cut=True)
            case told.Message(role="assistant"):
                self._quiet(at)
            case told.CallStats():
                self.stats = event
            case told.UsageChanged(usage):
                self.cost_usd = usage.cost_usd
            case told.AgentEvent(agent_event):
                self._on_agent(agent_event, at)
            case told.LegStateChanged(connection):
                self.leg = connection
                self._add("leg", at, state=connection)
            case told.Failed(code):
                self._add("error", at, code=code.value)
            case told.StatusChanged(status, reason):
                self._on_status(status, reason or "", now)

    # -- inside

    def _ms(self, now: float) -> int:
        return round((now - self.facts.began_at) * 1000)

    def _add(self, kind: str, at: int, **more: Any) -> Entry:
        entry = {"kind": kind, "atMs": at, **more}
        self.entries.append(entry)
        return entry

    def _on_model(self, event: Mapping[str, Any], at: int) -> None:
        kind = event.get("type")
        if kind == _SPEAKS and self._caller is None:
            self._caller = self._add("caller", at, ms=None)
        elif kind == _PAUSES and self._caller is not None:
            self._caller["ms"] = at - self._caller["atMs"]
            self._caller = None
        elif kind == "error":
            self.model_errors += 1

    def _on_turn(self, times: TurnTimes) -> None:
        heard_at = times.packet_at or times.delta_at
        self.turns += 1
        self.last_turn_ms = round((heard_at - times.ended_at) * 1000)
        self._quiet(self._ms(heard_at))
        self._agent = self._add(
            "agent",
            self._ms(heard_at),
            ms=None,
            modelMs=round((times.model_at - times.ended_at) * 1000),
            firstDeltaMs=round((times.delta_at - times.model_at) * 1000),
            firstPacketMs=round((heard_at - times.delta_at) * 1000),
        )

    def _quiet(self, at: int, *, cut: bool = False) -> None:
        """The agent speaks no more."""
        if self._agent is not None:
            self._agent["ms"] = max(0, at - self._agent["atMs"])
            if cut:
                self._agent["cut"] = True
            self._agent = None

    def _on_agent(self, event: Mapping[str, Any], at: int) -> None:
        kind = event.get("type")
        if kind == "tool_end":
            self.tools += 1
            self.tool_errors += event.get("ok") is False
        if isinstance(kind, str):
            self._add(kind, at, **{name: event[name] for name in _SHOWN & event.keys()})

    def _on_status(self, status: Status, reason: str, now: float) -> None:
        self.status, self.reason = status, reason
        if status is Status.DISCONNECTED:
            self.ended_at = now
            self._quiet(self._ms(now))
        why = {"reason": reason} if reason else {}
        self._add("status", self._ms(now), status=status.value, **why)
