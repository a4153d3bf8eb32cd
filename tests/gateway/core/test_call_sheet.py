from __future__ import annotations

from gateway.core.call_sheet import MAX_ENTRIES, CallSheet
from gateway.core.events import (
    AgentEvent,
    AgentSpeaks,
    AudioInterrupted,
    ErrorCode,
    Failed,
    LegStateChanged,
    Message,
    SessionEvent,
    Status,
    StatusChanged,
    TurnAnswered,
    UpstreamEvent,
    UsageChanged,
)
from gateway.core.observer import CallFacts
from gateway.core.turn_marks import TurnTimes
from gateway.core.usage import UsageReport

BEGAN = 100.0
SPEAKS = UpstreamEvent({"type": "input_audio_buffer.speech_started"})
PAUSES = UpstreamEvent({"type": "input_audio_buffer.speech_stopped"})


def sheet_of(*told: tuple[float, SessionEvent]) -> CallSheet:
    """``told``: seconds since the call began, and what was told then."""
    sheet = CallSheet(CallFacts("sess_1", "sip", "haiku", BEGAN))
    for at, event in told:
        sheet.on_session_event(event, BEGAN + at)
    return sheet


def answered(at: float) -> TurnAnswered:
    marks = (BEGAN + at + more for more in (0.0, 0.1, 0.4, 0.45))
    return TurnAnswered(TurnTimes(*marks))


def test_who_spoke_when_and_what_the_caller_waited_for() -> None:
    line = Message("item_1", "audio", "assistant", "Yes.", 0)
    sheet = sheet_of((1.0, SPEAKS), (2.5, PAUSES), (3.0, answered(2.5)), (5.0, line))
    assert list(sheet.entries) == [
        {"kind": "caller", "atMs": 1_000, "ms": 1_500},
        {
            **{"kind": "agent", "atMs": 2_950, "ms": 2_050},
            **{"modelMs": 100, "firstDeltaMs": 300, "firstPacketMs": 50},
        },
    ]
    assert (sheet.turns, sheet.last_turn_ms) == (1, 450)
    assert not sheet.agent_speaks
    assert "Yes." not in str(sheet.entries)


def test_an_answer_that_was_cut() -> None:
    sheet = sheet_of((3.0, answered(2.5)), (3.5, SPEAKS), (3.6, AudioInterrupted("item_1", 650)))
    assert sheet.entries[0]["ms"] == 650
    assert sheet.entries[0]["cut"] is True
    assert sheet.barge_ins == 1
    assert sheet.caller_speaks
    assert not sheet.agent_speaks


def test_what_the_agent_says_beside_the_answer_to_a_turn() -> None:
    line = Message("item_2", "audio", "assistant", "Yes.", 0)
    sheet = sheet_of((3.0, answered(2.5)), (4.0, AgentSpeaks()), (5.0, line), (6.0, AgentSpeaks()))
    assert [(entry["atMs"], entry["ms"]) for entry in sheet.entries] == [
        (2_950, 1_050),
        (4_000, 1_000),
        (6_000, None),
    ]
    assert sheet.turns == 1
    assert sheet.agent_speaks


def test_tools_without_what_they_were_given() -> None:
    called = {
        "type": "tool_end",
        "agent": "a",
        "tool": "t",
        "ms": 7,
        "ok": False,
        "error": "secret",
    }
    sheet = sheet_of((1.0, AgentEvent(called)), (2.0, AgentEvent({"type": "handoff", "to": "b"})))
    assert (sheet.tools, sheet.tool_errors) == (1, 1)
    assert list(sheet.entries) == [
        {"kind": "tool_end", "atMs": 1_000, "agent": "a", "tool": "t", "ms": 7, "ok": False},
        {"kind": "handoff", "atMs": 2_000, "to": "b"},
    ]


def test_how_it_stands() -> None:
    sheet = sheet_of(
        (0.1, StatusChanged(Status.CONNECTED)),
        (0.2, LegStateChanged("connected", "connected")),
        (0.3, UsageChanged(UsageReport(cost_usd=0.5), {})),
        (0.4, UpstreamEvent({"type": "error"})),
        (0.5, Failed(ErrorCode.UPSTREAM_ERROR, "what the model said")),
        (9.0, answered(8.0)),
        (9.5, StatusChanged(Status.DISCONNECTED, "the caller hung up")),
    )
    assert (sheet.status, sheet.reason) == (Status.DISCONNECTED, "the caller hung up")
    assert (sheet.leg, sheet.cost_usd, sheet.model_errors) == ("connected", 0.5, 1)
    assert sheet.ended_at == BEGAN + 9.5
    assert not sheet.agent_speaks
    assert "what the model said" not in str(sheet.entries)


def test_a_long_call_s_time_line_is_bounded() -> None:
    sheet = sheet_of(
        *((float(at), event) for at in range(MAX_ENTRIES) for event in (SPEAKS, PAUSES))
    )
    sheet.on_session_event(SPEAKS, BEGAN + MAX_ENTRIES)
    assert len(sheet.entries) == MAX_ENTRIES
    assert sheet.entries[0]["atMs"] == 1_000
