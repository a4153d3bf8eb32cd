"""OpenTelemetry traces, if they are wanted: a span for each call and each turn in it, with the
stages of the answer and the tools that ran.

Needs the extra ``otel``. Where traces go, the standard ``OTEL_*`` variables say; without one of
:data:`WHERE` nothing of OpenTelemetry is even loaded. Spans carry names and times: not what was
said, nor what tools were given.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import structlog

from gateway.core import events as told
from gateway.core.events import SessionEvent, Status
from gateway.core.observer import CallFacts
from gateway.core.turn_marks import TurnTimes
from signaling.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

log = structlog.get_logger(__name__)

WHERE: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

MAX_TOOLS: Final = 64
"""Tools kept until it is known which turn they belong to."""

_NANO: Final = 1_000_000_000

_Tool = tuple[str, float, float, bool]
"""Its name, when it began and ended, and whether it did what it should."""


class Traces:
    """The traces of one gateway; :meth:`close` them.

    :param provider: where spans go.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("talkpath", VERSION)
        # Spans have times of the calendar, events those of the loop's clock.
        self._epoch = time.time_ns() - round(asyncio.get_running_loop().time() * _NANO)

    def observe(self, facts: CallFacts) -> CallTrace:
        """A session is opened."""
        return CallTrace(self, facts)

    def begin(self, name: str, at: float, of: Context | None = None, **facts: str | bool) -> Span:
        """A span, from a time of the loop's clock on.

        :param of: the span above it.
        """
        attributes = {f"talkpath.{key}": value for key, value in facts.items()}
        return self._tracer.start_span(name, of, attributes=attributes, start_time=self._nano(at))

    def end(self, span: Span, at: float) -> None:
        """The span's end, by the loop's clock."""
        span.end(self._nano(at))

    def span(
        self, name: str, begin: float, end: float, of: Context | None, **facts: str | bool
    ) -> Context:
        """A span that is over. What is to be below it is given the context."""
        from opentelemetry.trace import set_span_in_context

        span = self.begin(name, begin, of, **facts)
        self.end(span, end)
        return set_span_in_context(span)

    def _nano(self, at: float) -> int:
        return self._epoch + round(at * _NANO)

    async def close(self) -> None:
        """Send what is there. In a thread: whoever takes it may be slow."""
        await asyncio.to_thread(self._provider.shutdown)


class CallTrace:
    """One call's spans; a :class:`~gateway.core.observer.CallObserver`."""

    def __init__(self, traces: Traces, facts: CallFacts) -> None:
        from opentelemetry.trace import set_span_in_context

        self._traces = traces
        self._call = traces.begin(
            *("call", facts.began_at),
            session=facts.session_id,
            door=facts.door,
            agent_set=facts.agent_set,
        )
        self._under_call = set_span_in_context(self._call)
        self._tools: deque[_Tool] = deque(maxlen=MAX_TOOLS)

    def on_session_event(self, event: SessionEvent, now: float) -> None:
        match event:
            case told.AgentEvent(
                {"type": "tool_end", "tool": str(tool), "ms": int(ms), "ok": bool(ok)}
            ):
                self._tools.append((tool, now - ms / 1000, now, ok))
            case told.TurnAnswered(times):
                self._on_turn(times)
            case told.StatusChanged(Status.DISCONNECTED, reason):
                self._flush(self._under_call)
                self._call.set_attribute("talkpath.end_reason", reason or "")
                self._traces.end(self._call, now)

    def _on_turn(self, times: TurnTimes) -> None:
        span = self._traces.span
        # Those before the turn ran while the agent spoke, and belong to no wait of the caller's.
        while self._tools and self._tools[0][1] < times.ended_at:
            self._tell_tool(self._under_call)
        sound_at = times.packet_at or times.delta_at
        turn = span("turn", times.ended_at, sound_at, self._under_call)
        span("model", times.ended_at, times.model_at, turn)
        span("first delta", times.model_at, times.delta_at, turn)
        if times.packet_at is not None:
            span("first packet", times.delta_at, times.packet_at, turn)
        self._flush(turn)

    def _flush(self, of: Context) -> None:
        while self._tools:
            self._tell_tool(of)

    def _tell_tool(self, of: Context) -> None:
        name, begin, end, ok = self._tools.popleft()
        self._traces.span(f"tool {name[:64]}", begin, end, of, ok=ok)


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for traces."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    exporter = environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    return not off and exporter == "otlp" and any(environ.get(name) for name in WHERE)


def traces_of(environ: Mapping[str, str]) -> Traces | None:
    """Traces as the standard variables ask for them; None: not at all."""
    if not wanted(environ):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no traces: pip install 'talkpath[otel]'")
        return None
    named: dict[str, Any] = {SERVICE_VERSION: VERSION}
    if not environ.get("OTEL_SERVICE_NAME"):
        named[SERVICE_NAME] = "talkpath"
    # At exit nothing is left to be sent: the gateway closes what it opened.
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    log.info("traces are sent")
    return Traces(provider)
