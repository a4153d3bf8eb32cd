from __future__ import annotations

from typing import Any

import pytest

from gateway.conversation import Conversation
from gateway.core.playout import Playout
from gateway.session_passthrough import NOBODY, PassThrough
from gateway.session_settings import SERVER_VAD, SessionSettings

PCM = {"type": "audio/pcm", "rate": 24_000}


class Made:
    def __init__(self, **settings: Any) -> None:
        self.sent: list[Any] = []
        self.configured = 0
        conversation = Conversation(Playout(), self.sent.append, lambda _: None, lambda: 0)
        self.control = PassThrough(
            SessionSettings(NOBODY, "marin", "some-recogniser", **settings),
            conversation,
            self.sent.append,
            self._configure,
        )
        self.transcript = conversation.transcript

    def _configure(self) -> None:
        self.configured += 1
        self.control.configured()


def test_a_client_that_asks_for_nothing_has_openais_defaults() -> None:
    session = Made().control.upstream(muted=False)
    assert session["audio"]["input"]["turn_detection"] == SERVER_VAD
    assert session["audio"]["output"] == {"voice": "marin", "format": PCM}
    assert "instructions" not in session
    assert "tools" not in session


def test_between_gateway_and_model_audio_is_pcm() -> None:
    wanted = {"model": "x", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}
    session = Made(client_session=wanted).control.upstream(muted=True)
    assert session["audio"]["input"] == {"format": PCM, "turn_detection": None}
    assert "model" not in session


def test_only_what_was_confirmed_is_in_force() -> None:
    made = Made()
    made.control.connected(moved=False)
    made.control.ask("one", {"instructions": "a", "model": "x"})
    assert made.sent == [
        {
            "type": "session.update",
            "session": {"type": "realtime", "instructions": "a"},
            "event_id": "one",
        }
    ]
    assert not made.control.confirmed(), "that was the configuration"
    assert "instructions" not in made.control.upstream(muted=False)
    assert made.control.confirmed()
    assert made.control.upstream(muted=False)["instructions"] == "a"


@pytest.mark.parametrize("moved", [False, True])
def test_another_connection_is_asked_for_what_waits(moved: bool) -> None:
    made = Made()
    made.control.connected(moved=False)
    made.control.ask("one", {"instructions": "a"})
    made.control.ask("two", {"instructions": "b"})
    made.control.refused("two")
    made.sent.clear()
    made.control.connected(moved=moved)
    assert [event["event_id"] for event in made.sent] == ["one"]
    assert made.configured == moved
    assert not made.control.confirmed()
    assert made.control.confirmed()


def test_other_doors_may_change_it_too() -> None:
    made = Made()
    made.control.update(instructions="a", voice="cedar", turn_detection=None, language="ko")
    session = made.control.upstream(muted=False)
    assert session["instructions"] == "a"
    assert session["audio"]["output"]["voice"] == "cedar"
    assert session["audio"]["input"]["turn_detection"] is None


def test_turns_are_as_the_model_says() -> None:
    made = Made()
    heard: Any = {"turn_detection": {"type": "semantic_vad"}}
    made.control.on_model_event({"type": "session.updated", "session": {"audio": {"input": heard}}})
    assert made.control.turn_detection == {"type": "semantic_vad"}


def test_calls_of_its_tools_are_remembered() -> None:
    made = Made()
    call = {"type": "function_call", "id": "i", "call_id": "c", "name": "n", "arguments": "{}"}
    for _ in range(2):
        made.control.on_model_event(
            {"type": "response.done", "response": {"id": "r", "output": [call]}}
        )
    assert len(made.transcript.lines) == 1
    assert made.control.guard_context().conversation == ()
    made.control.poll()
    made.control.on_model_changed()
