"""Who decides what a session's model is asked for: its agents, or its client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.agents.guardrails import GuardContext
from gateway.realtime import protocol
from gateway.session_settings import SessionSettings


class SessionControl(Protocol):
    """One session's control, as the session sees it."""

    settings: SessionSettings

    @property
    def turn_detection(self) -> Mapping[str, Any] | None:
        """In force now; None: the caller's side says where turns end."""

    async def run(self) -> None:
        """Own what it starts, until cancelled."""

    def update(self, **changes: Any) -> None:
        """Change fields of :class:`SessionSettings`."""

    def upstream(self, *, muted: bool) -> dict[str, Any]:
        """The model's ``session`` object."""

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, and the conversation has taken it in."""

    def on_model_changed(self) -> None:
        """Another connection carries the conversation, or none does."""

    def poll(self) -> None:
        """Do what is due, once nobody speaks."""

    def guard_context(self) -> GuardContext:
        """What a guardrail may know now."""
