"""A session's model side, by itself: which events go where."""

from __future__ import annotations

from typing import Any

from gateway.conversation import Conversation
from gateway.core.events import ErrorCode, Status
from gateway.core.playout import Playout
from gateway.core.rollover import Moment
from gateway.realtime.wire import Endpoint
from gateway.session_model import SessionModel


class User:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.statuses: list[tuple[Status, str | None]] = []
        self.failures: list[tuple[ErrorCode, str]] = []
        self.changes = 0

    def on_model_changed(self, *, moved: bool | None) -> None:
        self.changes += 1

    def on_model_event(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def on_model_status(self, status: Status, reason: str | None = None) -> None:
        self.statuses.append((status, reason))

    def fail(self, code: ErrorCode, reason: str) -> None:
        self.failures.append((code, reason))


def side() -> tuple[SessionModel, User, Conversation]:
    user = User()
    conversation = Conversation(Playout(), lambda event: None, lambda event: None, lambda: 0)
    model = SessionModel(Endpoint("ws://x"), conversation, user, lambda: {"voice": "marin"})
    return model, user, conversation


async def test_a_fresh_connection_is_configured_as_the_session_is_now() -> None:
    model, _, _ = side()
    assert model.configuration()["session"]["voice"] == "marin"
    assert model.moment() is Moment.QUIET


async def test_a_connection_that_is_replaced_at_once_is_no_news() -> None:
    model, user, _ = side()
    model.on_model_lost(None)
    assert user.statuses == []
    model.on_model_lost("gone")
    model.on_model_event({"type": "session.created", "session": {}})
    assert user.statuses == [(Status.CONNECTING, "gone"), (Status.CONNECTED, None)]


async def test_of_a_former_connection_only_its_last_words_count() -> None:
    model, user, conversation = side()
    conversation.handle({"type": "input_audio_buffer.committed", "item_id": "q"}, 0.0)
    conversation.handle({"type": "response.created", "response": {"id": "r"}}, 0.0)
    done = {"id": "r", "status": "completed", "output": []}
    conversation.handle({"type": "response.done", "response": done}, 0.0)
    conversation.model_connected(set(), moved=True, now=0.0)
    assert model.awaits_words()
    for event in (
        {"type": "response.created", "response": {"id": "r2"}},
        {"type": "error", "error": {"code": "insufficient_quota"}},
        {"type": "conversation.item.input_audio_transcription.completed", "item_id": "q2"},
    ):
        model.on_former_event(event)
    assert user.events == []
    assert user.failures == []
    words = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "q",
        "transcript": "Hello.",
    }
    model.on_former_event(words)
    assert user.events == [words]
    assert not model.awaits_words()


async def test_the_end_of_a_connections_time_is_no_fault() -> None:
    model, user, _ = side()
    model.on_model_event({"type": "error", "error": {"code": "session_expired", "message": "x"}})
    assert user.failures == []
