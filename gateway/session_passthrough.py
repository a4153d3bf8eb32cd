"""A session whose client runs it: it configures the model, and runs its own tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.guardrails import GuardContext
from gateway.conversation import Conversation
from gateway.core.session_updates import SessionUpdates, Update, merged
from gateway.realtime import protocol
from gateway.session_settings import SERVER_VAD, SessionSettings

NOBODY: Final = AgentSet("passthrough", (Agent("client", ""),), "client", "")
"""The agents of such a session: one that has nothing to say."""

_PCM: Final = {"type": "audio/pcm", "rate": 24_000}
_OWN_FORMATS: Final = {"audio": {"input": {"format": _PCM}, "output": {"format": _PCM}}}
"""Between the gateway and the model, whatever the client's are."""


class PassThrough:
    """The client's control of one session.

    :param send: takes client events for the model.
    :param configure: tells the model :meth:`upstream`, and :meth:`configured` that it did.
    """

    def __init__(
        self,
        settings: SessionSettings,
        conversation: Conversation,
        send: Callable[[protocol.Event], None],
        configure: Callable[[], None],
    ) -> None:
        self.settings = settings
        self._conversation = conversation
        self._send = send
        self._configure = configure
        first = {"audio": {"input": {"turn_detection": dict(SERVER_VAD)}}}
        first = merged(first, {"audio": {"output": {"voice": settings.voice}}})
        self._updates = SessionUpdates(merged(first, _for_model(settings.client_session)))
        self.turn_detection: Mapping[str, Any] | None = dict(SERVER_VAD)

    async def run(self) -> None:
        """Nothing of it runs by itself."""

    def poll(self) -> None:
        """Nothing is due."""

    def guard_context(self) -> GuardContext:
        """There are no guardrails."""
        return GuardContext("", "", "", ())

    # -- what the model is asked for

    def upstream(self, *, muted: bool) -> dict[str, Any]:
        """The model's ``session`` object; a muted microphone takes no turns."""
        session = merged(self._updates.session, _OWN_FORMATS)
        if muted:
            session = merged(session, {"audio": {"input": {"turn_detection": None}}})
        return session

    def configured(self) -> None:
        """:meth:`upstream` was sent on a connection that is in use."""
        self._updates.own()

    def ask(self, event_id: str, session: Mapping[str, Any]) -> None:
        """Ask the model for what a client wants to change; ``event_id``: of the update as it is
        sent.
        """
        self._ask(Update(event_id, _for_model(session)))

    def _ask(self, update: Update) -> None:
        self._updates.ask(update.event_id, update.session)
        self._send({**protocol.session_update(update.session), "event_id": update.event_id})

    def update(self, **changes: Any) -> None:
        """As a door without the Realtime protocol asks: fields of :class:`SessionSettings`."""
        self.settings = replace(self.settings, **changes)
        for name, value in changes.items():
            match name:
                case "instructions":
                    change: dict[str, Any] = {"instructions": value}
                case "voice":
                    change = {"audio": {"output": {"voice": value}}}
                case "turn_detection":
                    change = {"audio": {"input": {"turn_detection": value}}}
                case _:
                    continue
            self._updates.session = merged(self._updates.session, change)

    # -- what the model does

    def confirmed(self) -> bool:
        """The model confirmed an update; whether it was a client's."""
        return bool(self._updates.confirmed())

    def refused(self, event_id: str) -> None:
        """The model refused something; perhaps an update."""
        self._updates.refused(event_id)

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, and the conversation has taken it in."""
        match event:
            case {"type": protocol.SESSION_UPDATED, "session": {"audio": {"input": dict(heard)}}}:
                self.turn_detection = heard.get("turn_detection")
        for _, call in protocol.function_calls(event):
            self._conversation.transcript.record(call)

    def on_model_changed(self) -> None:
        """Nothing of its own waits for a connection."""

    def connected(self, *, moved: bool) -> None:
        """A fresh connection carries the conversation. It was configured when it was opened: ask
        for what came after that.

        :param moved: it may have been opened long ago.
        """
        again = self._updates.take_waiting()
        if moved:
            self._configure()
        else:
            self._updates.own()
        for update in again:
            self._ask(update)


def _for_model(session: Mapping[str, Any]) -> dict[str, Any]:
    """A client's session without what is settled between the gateway and the model."""
    change = {name: value for name, value in session.items() if name not in ("model", "type")}
    audio = change.get("audio")
    if isinstance(audio, Mapping):
        change["audio"] = {way: _without_format(side) for way, side in audio.items()}
    return change


def _without_format(side: Any) -> Any:
    if not isinstance(side, Mapping):
        return side
    return {name: value for name, value in side.items() if name != "format"}
