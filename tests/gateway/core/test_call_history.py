from __future__ import annotations

from gateway.core.call_history import CallHistory
from gateway.core.events import (
    AgentEvent,
    Message,
    SessionEvent,
    Status,
    StatusChanged,
    TurnAnswered,
    UpstreamEvent,
    UsageChanged,
)
from gateway.core.history import History
from gateway.core.turn_marks import TurnTimes
from gateway.core.usage import UsageReport

NOON = 1_800_000_000.0


def told(*events: SessionEvent) -> History:
    history = History()
    call = CallHistory(history, lambda: NOON)
    for now, event in enumerate(events):
        call.on_session_event(event, float(now))
    return history


def line(*, direct: bool) -> Message:
    return Message("item_1", "audio", "assistant", "x", 0, "junior", {}, {"direct": direct})


def test_answers_tools_and_fillers_are_the_agents() -> None:
    history = told(
        UpstreamEvent({"type": "input_audio_buffer.speech_stopped"}),
        AgentEvent({"type": "filler", "agent": "junior"}),
        AgentEvent({"type": "tool_end", "agent": "junior", "tool": "t", "ok": False}),
        line(direct=True),
        line(direct=False),
    )
    assert history.agents() == [
        {
            **{"name": "junior", "answers": 2, "direct": 1, "bySupervisor": 1},
            **{"tools": 1, "toolErrors": 1, "fillers": 1, "fillerMs": 1_000, "costUsd": 0.0},
        }
    ]
    assert history.minutes(NOON)[0]["toolErrors"] == 1


def test_turns_errors_and_cost_are_the_minutes() -> None:
    history = told(
        TurnAnswered(TurnTimes(1.0, 1.1, 1.4, 1.5)),
        UpstreamEvent({"type": "error"}),
        UsageChanged(UsageReport(cost_usd=0.5), {}),
        UsageChanged(UsageReport(cost_usd=0.4), {}),
        UsageChanged(UsageReport(cost_usd=0.75), {}),
        StatusChanged(Status.DISCONNECTED, "over"),
        StatusChanged(Status.DISCONNECTED, "over"),
    )
    (minute,) = history.minutes(NOON)
    assert (minute["calls"], minute["live"], minute["turns"]) == (1, 1, 1)
    assert (minute["p50Ms"], minute["modelErrors"], minute["costUsd"]) == (500, 1, 0.75)
    assert history.minutes(NOON + 60)[1]["live"] == 0


def test_cost_is_of_the_agent_who_answers() -> None:
    history = told(
        UsageChanged(UsageReport(cost_usd=0.25), {}),
        line(direct=True),
        UsageChanged(UsageReport(cost_usd=0.75), {}),
        AgentEvent({"type": "handoff", "from": "junior", "to": "senior"}),
        UsageChanged(UsageReport(cost_usd=1.75), {}),
    )
    costs = {agent["name"]: agent["costUsd"] for agent in history.agents()}
    assert costs == {"junior": 0.75, "senior": 1.0}
