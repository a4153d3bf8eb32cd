"""One call's events, and what they add to the metrics."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.core.ending import Ending
from gateway.core.events import (
    AgentEvent,
    AudioInterrupted,
    CallStats,
    ErrorCode,
    Failed,
    LegStateChanged,
    SessionEvent,
    Status,
    StatusChanged,
    TurnAnswered,
    UpstreamEvent,
    UsageChanged,
)
from gateway.core.observer import CallFacts
from gateway.core.turn_marks import TurnTimes
from gateway.core.usage import ModelUsage, Tokens, UsageReport
from signaling.metrics.calls import CallMetrics
from signaling.metrics.families import Families


class Scene:
    """One call, and the page it writes on."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.families = Families(self.registry)
        self.call = self.another()

    def another(self) -> CallMetrics:
        return CallMetrics(self.families, CallFacts("sess_1", "sip", "chat_supervisor", 100.0))

    def tell(self, *events: SessionEvent, now: float = 100.0) -> None:
        for event in events:
            self.call.on_session_event(event, now)

    def series(self) -> int:
        return sum(len(metric.samples) for metric in self.registry.collect())

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"talkpath_{name}", labels)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def stats(**changes: Any) -> CallStats:
    unknown: dict[str, Any] = dict.fromkeys(
        ("rtt_ms", "jitter_ms", "loss_percent", "remote_loss_percent", "turn_latency_ms")
    )
    counts = ("buffer_ms", "uplink_dropped_ms", "underruns", "packets_received", "packets_mended")
    zeros = dict.fromkeys((*counts, "packets_late", "packets_sent", "concealed_percent"), 0)
    return CallStats(**{**unknown, **zeros, "downlink_fec": False, **changes})


def test_a_call_from_its_start_to_its_end(scene: Scene) -> None:
    assert scene.value("calls_started_total", door="sip") == 1
    scene.tell(StatusChanged(Status.CONNECTED), now=100.2)
    scene.tell(LegStateChanged("connecting", "checking"), now=100.1)
    scene.tell(LegStateChanged("connected", "connected"), now=100.3)
    scene.tell(LegStateChanged("disconnected", "disconnected"), now=101.0)
    scene.tell(LegStateChanged("connected", "connected"), now=102.0)
    scene.tell(StatusChanged(Status.DISCONNECTED, str(Ending.HUNG_UP)), now=160.0)
    assert scene.value("calls_ended_total", door="sip", reason="hung_up") == 1
    assert scene.value("call_duration_seconds_sum", door="sip") == 60.0
    for part, seconds in (("model", 0.2), ("media", 0.3)):
        assert scene.value("call_setup_seconds_count", door="sip", part=part) == 1
        total = scene.value("call_setup_seconds_sum", door="sip", part=part)
        assert total == pytest.approx(seconds)


def test_a_model_that_went_and_came_back(scene: Scene) -> None:
    gone = StatusChanged(Status.CONNECTING, "gone")
    scene.tell(gone)  # It was not there yet.
    assert scene.value("model_connections_lost_total") == 0
    there = StatusChanged(Status.CONNECTED)
    scene.tell(there, gone, gone, there, there)
    assert scene.value("model_connections_lost_total") == 1
    assert scene.value("model_reconnects_total") == 1


def test_the_stages_of_a_turn_are_those_of_its_latency(scene: Scene) -> None:
    scene.tell(TurnAnswered(TurnTimes(1.0, 1.25, 1.75, 1.77)))
    stages = {"model": 0.25, "first_delta": 0.5, "first_packet": 0.02}
    for stage, seconds in stages.items():
        assert scene.value("turn_stage_seconds_sum", stage=stage) == pytest.approx(seconds)
    assert scene.value("turn_latency_seconds_sum") == pytest.approx(sum(stages.values()))


def test_a_client_that_plays_the_answer_itself(scene: Scene) -> None:
    scene.tell(TurnAnswered(TurnTimes(1.0, 1.25, 1.75, None)))
    assert scene.value("turn_stage_seconds_count", stage="first_packet") is None
    assert scene.value("turn_latency_seconds_sum") == pytest.approx(0.75)


def test_packets_are_counted_over_legs(scene: Scene) -> None:
    scene.tell(stats(packets_received=50, packets_lost=2, sound_ms=1000, concealed_ms=40))
    scene.tell(stats(packets_received=100, packets_lost=3, sound_ms=2000, concealed_ms=60))
    scene.tell(stats(packets_received=20, sound_ms=400))  # another leg
    assert scene.value("rtp_packets_total", fate="received") == 120
    assert scene.value("rtp_packets_total", fate="lost") == 3
    assert scene.value("caller_sound_seconds_total") == pytest.approx(2.4)
    assert scene.value("caller_sound_concealed_seconds_total") == pytest.approx(0.06)


def test_unknown_quality_is_not_good_quality(scene: Scene) -> None:
    scene.tell(stats(), stats(rtt_ms=20.0, jitter_ms=2.0))
    assert scene.value("call_round_trip_seconds_count") == 1
    assert scene.value("call_round_trip_seconds_sum") == pytest.approx(0.02)
    assert scene.value("call_jitter_seconds_count") == 1


def used(tokens: Tokens, cost: float | None, model: str = "m") -> UsageChanged:
    return UsageChanged(UsageReport(tokens, cost, {model: ModelUsage(tokens, cost)}), {})


def test_tokens_and_cost_are_counted_once(scene: Scene) -> None:
    scene.tell(used(Tokens(text_in=10, text_cached=4, audio_out=5), 0.25))
    scene.tell(used(Tokens(text_in=15, text_cached=4, audio_out=9, audio_seconds=2.5), 0.5))
    for modality, direction, count in (
        ("text", "in", 15),
        ("text", "cached", 4),
        ("audio", "out", 9),
    ):
        labels = {"model": "m", "modality": modality, "direction": direction}
        assert scene.value("model_tokens_total", **labels) == count
    assert scene.value("model_cost_dollars_total", model="m") == 0.5
    assert scene.value("model_audio_seconds_total", model="m") == 2.5


def test_a_model_without_a_price_costs_nothing_that_is_known(scene: Scene) -> None:
    scene.tell(used(Tokens(text_in=10), None))
    assert scene.value("model_cost_dollars_total", model="m") is None


def test_names_that_others_choose_are_bounded(scene: Scene) -> None:
    for number in range(200):
        scene.tell(AgentEvent({"type": "tool_end", "tool": f"t{number}", "ms": 5, "ok": True}))
        scene.tell(used(Tokens(text_in=1), 0.1, f"m{number}"))
        scene.tell(UpstreamEvent({"type": "error", "error": {"code": f"c{number}"}}))
    series = scene.series()
    scene.tell(AgentEvent({"type": "tool_end", "tool": "one more", "ms": 5, "ok": True}))
    assert scene.series() == series
    assert scene.value("tool_calls_total", tool="others", outcome="ok") == 200 - 64 + 1


@pytest.mark.parametrize("code", [None, 404, "invalid_value", ["a"], {"b": 1}])
def test_errors_of_models(scene: Scene, code: Any) -> None:
    scene.tell(UpstreamEvent({"type": "error", "error": {"code": code}}))
    scene.tell(UpstreamEvent({"type": "error"}))
    none = scene.value("model_errors_total", code="none") or 0
    told = scene.value("model_errors_total", code=str(code)) or 0
    assert none + told == 2


def test_what_agents_do(scene: Scene) -> None:
    scene.tell(
        AgentEvent({"type": "tool_end", "tool": "supervisor", "ms": 1500, "ok": False}),
        AgentEvent({"type": "lookup_end", "lookup": "policies", "ms": 20, "ok": True}),
        AgentEvent({"type": "handoff", "from": "a", "to": "b"}),
        AgentEvent({"type": "guardrail", "category": "OFFENSIVE"}),
        AgentEvent({"type": "tool_start", "tool": "supervisor"}),
        AudioInterrupted("item_1", 200),
        Failed(ErrorCode.UPSTREAM_ERROR, "why"),
    )
    assert scene.value("tool_calls_total", tool="supervisor", outcome="error") == 1
    assert scene.value("tool_seconds_sum", tool="supervisor") == 1.5
    assert scene.value("supervisor_lookups_total", tool="policies", outcome="ok") == 1
    assert scene.value("handoffs_total") == 1
    assert scene.value("guardrail_hits_total", category="OFFENSIVE") == 1
    assert scene.value("barge_ins_total") == 1
    assert scene.value("session_failures_total", code="upstream_error") == 1
