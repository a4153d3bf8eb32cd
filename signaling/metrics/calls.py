"""One call's part of the metrics: events in, counts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from gateway.core import events as told
from gateway.core.events import CallStats, SessionEvent, Status
from gateway.core.observer import CallFacts
from gateway.core.turn_marks import TurnTimes
from gateway.core.usage import Tokens, UsageReport
from gateway.realtime import protocol
from signaling.metrics.families import Families
from signaling.metrics.labels import ending

_TOKENS = (
    ("text", "in"),
    ("text", "cached"),
    ("text", "out"),
    ("audio", "in"),
    ("audio", "cached"),
    ("audio", "out"),
)
"""Of the fields of :class:`Tokens`, in order."""


class CallMetrics:
    """A :class:`~gateway.core.observer.CallObserver`."""

    def __init__(self, families: Families, facts: CallFacts) -> None:
        self._families = families
        self._facts = facts
        self._model_was_there = False
        self._model_is_lost = False
        self._media_was_there = False
        self._stats: CallStats | None = None
        self._usage = UsageReport()
        families.started.labels(facts.door).inc()

    def on_session_event(self, event: SessionEvent, now: float) -> None:
        families = self._families
        match event:
            case told.UpstreamEvent(upstream):
                if upstream["type"] == protocol.ERROR:
                    code = str(protocol.error_code(dict(upstream)) or "none")
                    families.model_errors.labels(families.error_codes(code)).inc()
            case told.TurnAnswered(times):
                self._on_turn(times)
            case told.CallStats():
                self._on_stats(event)
            case told.AudioInterrupted():
                families.barge_ins.inc()
            case told.UsageChanged(usage):
                self._on_usage(usage)
            case told.AgentEvent(agent_event):
                self._on_agent_event(agent_event)
            case told.LegStateChanged("connected") if not self._media_was_there:
                self._media_was_there = True
                families.setup.labels(self._facts.door, "media").observe(self._since(now))
            case told.Failed(code):
                families.failures.labels(code.value).inc()
            case told.StatusChanged(status, reason):
                self._on_status(status, reason or "", now)

    def _since(self, now: float) -> float:
        return now - self._facts.began_at

    def _on_status(self, status: Status, reason: str, now: float) -> None:
        families, door = self._families, self._facts.door
        match status:
            case Status.CONNECTED if not self._model_was_there:
                self._model_was_there = True
                families.setup.labels(door, "model").observe(self._since(now))
            case Status.CONNECTED if self._model_is_lost:
                self._model_is_lost = False
                families.reconnects.inc()
            case Status.CONNECTING if self._model_was_there and not self._model_is_lost:
                self._model_is_lost = True
                families.lost_models.inc()
            case Status.DISCONNECTED:
                families.ended.labels(door, ending(reason)).inc()
                families.duration.labels(door).observe(self._since(now))

    def _on_turn(self, times: TurnTimes) -> None:
        families = self._families
        stage = families.stage.labels
        stage("model").observe(times.model_at - times.ended_at)
        stage("first_delta").observe(times.delta_at - times.model_at)
        if times.packet_at is not None:
            stage("first_packet").observe(times.packet_at - times.delta_at)
        families.turn.observe((times.packet_at or times.delta_at) - times.ended_at)

    def _on_stats(self, stats: CallStats) -> None:
        families, before = self._families, self._stats
        self._stats = stats

        def more(name: str) -> int:
            """Since the last time. Another leg begins at 0; so may a count go back."""
            count = int(getattr(stats, name))
            known = int(getattr(before, name)) if before is not None else 0
            return count - known if count >= known else count

        for fate in ("received", "lost", "mended", "late", "sent"):
            families.packets.labels(fate).inc(more(f"packets_{fate}"))
        families.sound.inc(more("sound_ms") / 1000)
        families.concealed.inc(more("concealed_ms") / 1000)
        families.underruns.inc(more("underruns"))
        families.dropped.inc(more("uplink_dropped_ms") / 1000)
        if stats.rtt_ms is not None:
            families.round_trip.observe(stats.rtt_ms / 1000)
        if stats.jitter_ms is not None:
            families.jitter.observe(stats.jitter_ms / 1000)

    def _on_usage(self, usage: UsageReport) -> None:
        families, before = self._families, self._usage
        self._usage = usage
        for model, used in usage.models.items():
            name = families.model_names(model)
            known = before.models.get(model)
            *counts, seconds = _more(used.tokens, known.tokens if known is not None else Tokens())
            for (modality, direction), count in zip(_TOKENS, counts, strict=True):
                if count:
                    families.tokens.labels(name, modality, direction).inc(count)
            if seconds:
                families.audio.labels(name).inc(seconds)
            if used.cost_usd is not None:
                paid = known.cost_usd if known is not None else None
                families.cost.labels(name).inc(max(0.0, used.cost_usd - (paid or 0.0)))

    def _on_agent_event(self, event: Mapping[str, Any]) -> None:
        families, names = self._families, self._families.tool_names
        match event:
            case {"type": "tool_end", "tool": str(tool), "ms": int(ms), "ok": bool(ok)}:
                families.tools.labels(names(tool), _outcome(ok)).inc()
                families.tool_time.labels(names(tool)).observe(ms / 1000)
            case {"type": "lookup_end", "lookup": str(tool), "ms": int(ms), "ok": bool(ok)}:
                families.lookups.labels(names(tool), _outcome(ok)).inc()
                families.lookup_time.labels(names(tool)).observe(ms / 1000)
            case {"type": "handoff"}:
                families.handoffs.inc()
            case {"type": "guardrail", "category": str(category)}:
                families.guardrails.labels(families.categories(category)).inc()


def _more(now: Tokens, before: Tokens) -> list[float]:
    # A judge's late report may come out of order; a counter must not go back.
    return [max(0, a - b) for a, b in zip(astuple(now), astuple(before), strict=True)]


def _outcome(ok: bool) -> str:
    return "ok" if ok else "error"
