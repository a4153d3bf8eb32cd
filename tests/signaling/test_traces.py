"""Spans of one call, in the SDK's own memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.core.events import AgentEvent, Status, StatusChanged, TurnAnswered
from gateway.core.observer import CallFacts
from gateway.core.turn_marks import TurnTimes
from signaling.traces import MAX_TOOLS, CallTrace, Traces, traces_of, wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


class Scene:
    def __init__(self) -> None:
        self.memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self.traces = Traces(provider)
        self.call: CallTrace = self.traces.observe(CallFacts("sess_1", "sip", "haiku", 10.0))

    def tool_ended(self, name: str, now: float, ms: int = 500, ok: bool = True) -> None:
        event = {"type": "tool_end", "tool": name, "ms": ms, "ok": ok}
        self.call.on_session_event(AgentEvent(event), now)

    def end(self) -> dict[str, ReadableSpan]:
        self.call.on_session_event(StatusChanged(Status.DISCONNECTED, "enough"), 30.0)
        return {span.name: span for span in self.memory.get_finished_spans()}


@pytest.fixture
async def scene() -> Scene:
    return Scene()


def seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def parents(spans: dict[str, ReadableSpan]) -> Iterator[tuple[str, str | None]]:
    names = {span.context.span_id: name for name, span in spans.items() if span.context}
    for name, span in spans.items():
        yield name, names[span.parent.span_id] if span.parent is not None else None


async def test_a_call_its_turns_their_stages_and_tools(scene: Scene) -> None:
    scene.tool_ended("early", 11.0)
    scene.tool_ended("supervisor", 14.0, ok=False)
    scene.call.on_session_event(TurnAnswered(TurnTimes(13.0, 13.25, 15.0, 15.02)), 15.02)
    scene.tool_ended("late", 20.0)
    spans = scene.end()
    assert dict(parents(spans)) == {
        "call": None,
        "turn": "call",
        "model": "turn",
        "first delta": "turn",
        "first packet": "turn",
        "tool early": "call",
        "tool supervisor": "turn",
        "tool late": "call",
    }
    lengths = {"call": 20.0, "turn": 2.02, "model": 0.25, "first delta": 1.75, "tool late": 0.5}
    assert {name: seconds(spans[name]) for name in lengths} == pytest.approx(lengths)
    assert spans["tool supervisor"].attributes == {"talkpath.ok": False}
    assert spans["call"].attributes == {
        "talkpath.session": "sess_1",
        "talkpath.door": "sip",
        "talkpath.agent_set": "haiku",
        "talkpath.end_reason": "enough",
    }


async def test_an_answer_that_the_client_plays_has_no_packet(scene: Scene) -> None:
    scene.call.on_session_event(TurnAnswered(TurnTimes(13.0, 13.25, 15.0, None)), 16.0)
    spans = scene.end()
    assert spans.keys() == {"call", "turn", "model", "first delta"}
    assert seconds(spans["turn"]) == pytest.approx(2.0)


async def test_tools_that_wait_for_their_turn_are_few(scene: Scene) -> None:
    for number in range(MAX_TOOLS + 5):
        scene.tool_ended(f"t{number}", 12.0)
    assert len(scene.end()) == 1 + MAX_TOOLS


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_the_standard_variables_decide(more: dict[str, str], expected: bool) -> None:
    assert wanted({**ENDPOINT, **more}) is expected
    assert not wanted({})


def test_nothing_is_made_unless_asked_for() -> None:
    assert traces_of({}) is None
