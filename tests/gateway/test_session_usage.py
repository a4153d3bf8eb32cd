"""What a session uses, and the end of its money, in virtual time."""

from __future__ import annotations

from typing import Any

from gateway.agents import supervisor
from gateway.core.ending import Ending
from gateway.core.events import AgentEvent, ErrorCode, UsageChanged
from gateway.core.steps import StepTime
from gateway.core.usage import Price, Tokens
from gateway.session_usage import CostRules, SessionUsage
from tests.gateway.virtual_call import Call

PRICES = {"speaker": Price(audio_out=1.0), "recogniser": Price(audio_minute=60.0)}


class Paid(Call):
    """A call that costs money. As its :class:`Payer` it notes what is asked of it."""

    def __init__(self, limit: float | None = None) -> None:
        super().__init__()
        self.muted = False
        self.failed: list[tuple[ErrorCode, str]] = []
        self.usage = SessionUsage(
            CostRules(PRICES, limit),
            self.conversation,
            self,
            model="speaker",
            transcription_model="recogniser",
            emit=self.told.append,
            clock=lambda: self.now,
        )

    def mute(self, muted: bool) -> None:
        self.muted = muted

    def fail(self, code: ErrorCode, reason: str) -> None:
        self.failed.append((code, reason))

    def server(self, kind: str, **fields: Any) -> None:
        super().server(kind, **fields)
        self.usage.on_model_event({"type": kind, **fields})

    def paid_answer(self, number: int, dollars: float) -> None:
        """A second of speech for so much."""
        self.answer(f"a{number}", "one two three", 1.0, response=f"r{number}", done=False)
        usage = {
            "output_tokens": round(dollars * 1e6),
            "output_token_details": {"audio_tokens": round(dollars * 1e6)},
        }
        self.server("response.output_audio.done", response_id=f"r{number}", item_id=f"a{number}")
        self.server("response.done", response={"id": f"r{number}", "output": [], "usage": usage})

    def wishes(self) -> list[str]:
        """The instructions of the responses that were asked for."""
        asked = [event for event in self.sent if event["type"] == "response.create"]
        return [event.get("response", {}).get("instructions", "") for event in asked]

    def announced(self) -> list[str]:
        return [event.event["type"] for event in self.told if isinstance(event, AgentEvent)]


def test_answers_and_recognition_are_counted_and_told_once_a_second() -> None:
    call = Paid()
    call.paid_answer(1, 0.25)
    call.server(
        "conversation.item.input_audio_transcription.completed",
        item_id="u",
        transcript="Hello?",
        usage={"type": "duration", "seconds": 1.5},
    )
    call.usage.add("supervisor", Tokens(text_in=10))
    assert not [event for event in call.told if isinstance(event, UsageChanged)]
    call.usage.tick()
    call.usage.tick()
    call.usage.close()
    (told,) = [event for event in call.told if isinstance(event, UsageChanged)]
    assert told.usage.total == Tokens(text_in=10, audio_out=250_000, audio_seconds=1.5)
    assert told.usage.cost_usd == 0.25 + 1.5
    assert told.usage.models["supervisor"].cost_usd is None
    assert call.wishes() == []


def test_the_rest_is_told_at_the_end() -> None:
    call = Paid()
    call.paid_answer(1, 0.25)
    call.usage.close()
    assert [event for event in call.told if isinstance(event, UsageChanged)]


def test_steps_are_timed() -> None:
    call = Paid()
    call.question("u", "Hello?")
    call.now += 0.4
    call.paid_answer(1, 0.0)
    for tool in ("findNearestStore", supervisor.NAME):
        call.usage.on_agent_event({"type": "tool_end", "tool": tool, "ms": 1200, "ok": True})
    call.usage.on_agent_event({"type": "handoff", "from": "a", "to": "b"})
    call.usage.on_agent_event({"type": "filler", "agent": "front"})
    call.answer("f", "One moment.", 0.5, response="rf")
    steps = dict(call.conversation.steps.report())
    assert steps.pop("filler").count == 1
    assert steps == {
        "turn": StepTime(1, 400, 400, 400),
        "tool:findNearestStore": StepTime(1, 1200, 1200, 1200),
        "supervisor": StepTime(1, 1200, 1200, 1200),
    }


def test_the_caller_is_warned_and_taken_leave_of() -> None:
    call = Paid(limit=1.0)
    call.paid_answer(1, 0.5)
    assert call.announced() == []
    call.paid_answer(2, 0.45)
    assert call.announced() == ["cost_warning"]
    assert "little longer" in call.wishes()[0]
    call.paid_answer(3, 0.01)  # the warning
    call.paid_answer(4, 0.10)
    assert call.announced() == ["cost_warning", "cost_limit"]
    assert "goodbye" in call.wishes()[1]
    assert call.muted
    call.usage.tick()
    assert not call.failed, "it is not said yet"
    call.paid_answer(5, 0.01)  # the goodbye
    call.usage.tick()
    assert not call.failed, "it is not heard yet"
    call.listen(6.0)
    call.usage.tick()
    assert call.failed == [(ErrorCode.SESSION_EXPIRED, Ending.TOO_DEAR)]


def test_the_warning_does_not_interrupt_the_caller() -> None:
    call = Paid(limit=1.0)
    call.answer("a", "one two three", 1.0, response="r", done=False)
    call.server("input_audio_buffer.speech_started", item_id="u")
    usage = {"output_token_details": {"audio_tokens": 950_000}}
    call.server("response.done", response={"id": "r", "status": "cancelled", "usage": usage})
    call.usage.tick()
    assert call.wishes() == []
    call.server("input_audio_buffer.speech_stopped", item_id="u")
    call.usage.tick()
    assert len(call.wishes()) == 1
