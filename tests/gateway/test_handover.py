"""What fresh connections are told, in virtual time."""

from typing import Any

import pytest

from gateway.core.media_time import FRAME_SAMPLES
from gateway.core.owed import Cut
from gateway.core.replay import ReplayBuffer
from gateway.core.tool_calls import ToolCall, ToolOutput
from gateway.core.transcript import Transcript
from gateway.handover import MAX_CARRIED, Handover


class Desk:
    def __init__(self) -> None:
        self.transcript = Transcript()
        self.replay = ReplayBuffer()
        self.sent: list[dict[str, Any]] = []
        self.handover = Handover(self.transcript, self.replay, self.sent.append)
        self.replay.replay(turns=True)

    def line(self, item_id: str, role: Any, *, reported: bool = True) -> None:
        self.transcript.place(item_id, role)
        self.transcript.complete(item_id, f"text of {item_id}")
        if role == "assistant" and reported:
            self.transcript.mark_heard(item_id)
        if reported:
            self.transcript.ready(0.0)

    def turn(self, item_id: str) -> None:
        """One that is not recognised."""
        self.handover.place_spoken(item_id)
        for _ in range(50):
            self.replay.append(b"\1\0" * FRAME_SAMPLES, 0.0)
        self.replay.committed(item_id, 0.0)

    def take_over(self, known: set[str] | None = None, *, turns: bool = True) -> None:
        self.handover.take_over(set() if known is None else known, turns=turns)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def told(events: Any) -> list[tuple[str, str | None]]:
    return [(event["item"]["id"], event.get("previous_item_id")) for event in events]


def test_ahead_only_what_is_final_is_told_and_then_the_rest(desk: Desk) -> None:
    desk.line("q", "user")
    desk.line("a", "assistant", reported=False)
    known: set[str] = set()
    assert told(desk.handover.briefing(known, final=True)) == [("q", None)]
    assert told(desk.handover.briefing(known, final=True)) == []
    desk.take_over(known)
    assert told(desk.sent) == [("a", None)]


def test_a_line_recognised_late_is_put_before_its_answer(desk: Desk) -> None:
    desk.turn("q")
    desk.line("a", "assistant", reported=False)
    desk.take_over(turns=False)
    assert told(desk.sent) == [("a", None)]
    assert desk.handover.awaits_words
    late = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "q"}
    assert desk.handover.is_former(late)
    assert not desk.handover.is_former({**late, "item_id": "q2"})
    desk.transcript.complete("q", "Late.")
    desk.replay.recognised("q")
    desk.handover.former_said()
    assert told(desk.sent[1:]) == [("q", "root")]
    assert not desk.handover.awaits_words


def test_a_turn_that_is_heard_again_keeps_its_place(desk: Desk) -> None:
    desk.turn("q")
    desk.line("a", "assistant", reported=False)
    desk.take_over()
    desk.handover.place_spoken("q-anew")
    desk.handover.place_spoken("another")
    assert [line.item_id for line in desk.transcript.lines] == ["q-anew", "a", "another"]


def test_no_more_is_told_than_a_model_can_use(desk: Desk) -> None:
    for number in range(MAX_CARRIED + 20):
        desk.line(f"q{number}", "user")
    desk.take_over()
    assert len(desk.sent) == MAX_CARRIED


@pytest.mark.parametrize(
    ("heard", "kinds"),
    [(24_000, ["conversation.item.truncate"]), (0, ["conversation.item.delete"])],
)
def test_an_answer_of_this_connection_is_truncated(
    desk: Desk, heard: int, kinds: list[str]
) -> None:
    desk.line("a", "assistant", reported=False)
    desk.handover.spoken("a")
    desk.handover.truncate(Cut("a", 0, heard, 48_000))
    assert [event["type"] for event in desk.sent] == kinds
    assert all(desk.handover.is_cut(event["event_id"]) for event in desk.sent)


@pytest.mark.parametrize(
    ("heard", "kinds"),
    [
        (24_000, ["conversation.item.delete", "conversation.item.create"]),
        (0, ["conversation.item.delete"]),
    ],
)
def test_an_answer_that_was_told_is_told_anew(desk: Desk, heard: int, kinds: list[str]) -> None:
    desk.line("a", "assistant", reported=False)
    desk.handover.spoken("a")
    desk.take_over()
    desk.sent.clear()
    desk.handover.truncate(Cut("a", 0, heard, 48_000))
    assert [event["type"] for event in desk.sent] == kinds


def test_an_answer_nobody_holds_needs_no_correction(desk: Desk) -> None:
    desk.line("a", "assistant", reported=False)
    desk.handover.spoken("a")
    desk.handover.lost()
    desk.handover.truncate(Cut("a", 0, 24_000, 48_000))
    assert desk.sent == []


def test_what_a_connection_made_itself_is_not_told_to_it(desk: Desk) -> None:
    desk.turn("late")
    desk.take_over(turns=False)
    for item_id, role in (("q", "user"), ("a", "assistant")):
        desk.line(item_id, role)
        desk.handover.holds(item_id)
    call, output = tool_call(1)
    for step in (call, output):
        desk.transcript.record(step)
        desk.handover.holds(step.item_id)
    desk.transcript.complete("late", "Said to the connection before.")
    desk.handover.former_said()
    assert told(desk.sent) == [("late", "root")]


def tool_call(number: int) -> tuple[ToolCall, ToolOutput]:
    call = ToolCall(f"call_{number}", "find", "{}", f"c{number}")
    return call, ToolOutput(call.call_id, "found", f"o{number}")


def test_calls_and_outputs_keep_their_place_in_the_conversation(desk: Desk) -> None:
    call, output = tool_call(1)
    desk.line("q", "user")
    desk.transcript.record(call)
    desk.line("b", "user")
    desk.transcript.record(output)
    desk.take_over()
    assert told(desk.sent) == [("q", None), ("c1", None), ("b", None), ("o1", None)]
    assert [event["item"]["type"] for event in desk.sent] == [
        "message",
        "function_call",
        "message",
        "function_call_output",
    ]


def test_an_output_whose_call_is_too_old_is_not_told(desk: Desk) -> None:
    call, output = tool_call(1)
    desk.transcript.record(call)
    desk.transcript.record(output)
    for number in range(MAX_CARRIED - 1):
        desk.line(f"q{number}", "user")
    desk.take_over()
    assert len(desk.sent) == MAX_CARRIED - 1
    assert all(event["item"]["type"] == "message" for event in desk.sent)
