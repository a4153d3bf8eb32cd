"""What a session does with its model: what it asks of it, and what it makes of its events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from gateway.conversation import Conversation
from gateway.core.asides import Asides
from gateway.core.events import ErrorCode, Status
from gateway.core.rollover import Moment
from gateway.realtime import protocol
from gateway.realtime.client import RealtimeClient
from gateway.realtime.connection import ModelOverrun
from gateway.realtime.wire import Endpoint, ModelRefused
from gateway.telemetry import redact_text

log = structlog.get_logger(__name__)


class ModelUser(Protocol):
    """The session, as its model's side sees it."""

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, and the conversation has taken it in."""

    def on_model_status(self, status: Status, reason: str | None = None) -> None:
        """The way to the model is there, or not; ``reason``: why not."""

    def on_aside_event(self, event: protocol.Event) -> None:
        """An event of a response that is not in the conversation."""

    def on_model_changed(self, *, moved: bool | None) -> None:
        """Another connection carries the conversation; ``moved``: the one before is there still.
        None: none does.
        """

    def fail(self, code: ErrorCode, reason: str) -> None:
        """The session cannot go on."""


class SessionModel:
    """The model's side of one session; a :class:`ModelHandler`.

    :param upstream: the ``session`` object that is asked for now.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        conversation: Conversation,
        user: ModelUser,
        upstream: Callable[[], dict[str, object]],
    ) -> None:
        self.client = RealtimeClient(endpoint, self, conversation.replay)
        self.asides = Asides()
        self._conversation = conversation
        self._user = user
        self._upstream = upstream
        self._clock = asyncio.get_running_loop().time

    async def run(self) -> None:
        """Keep the way to the model, until cancelled."""
        try:
            await self.client.run()
        except ModelRefused as refused:
            self._user.fail(ErrorCode.UPSTREAM_UNAVAILABLE, str(refused))

    def send(self, event: protocol.Event) -> None:
        try:
            self.client.send(event)
        except ModelOverrun as overrun:
            self._user.fail(ErrorCode.UPSTREAM_UNAVAILABLE, str(overrun))

    def configure(self) -> None:
        """What is asked of the model changed."""
        try:
            self.client.configure()
        except ModelOverrun as overrun:
            self._user.fail(ErrorCode.UPSTREAM_UNAVAILABLE, str(overrun))

    # -- as a ModelHandler

    def configuration(self) -> protocol.Event:
        update = protocol.session_update(self._upstream())
        return {**update, "event_id": protocol.CONFIGURATION_ID}

    def briefing(self, known: set[str]) -> Iterable[protocol.Event]:
        return self._conversation.handover.briefing(known, final=True)

    def moment(self) -> Moment:
        return self._conversation.moment(self._clock())

    def awaits_words(self) -> bool:
        return self._conversation.handover.awaits_words

    def on_model_connected(self, known: set[str], *, moved: bool) -> None:
        self._conversation.model_connected(known, moved=moved, now=self._clock())
        self._user.on_model_changed(moved=moved)

    def on_model_lost(self, reason: str | None) -> None:
        self._conversation.model_lost(self._clock())
        self._user.on_model_changed(moved=None)
        if reason is not None:
            self._user.on_model_status(Status.CONNECTING, reason)

    def on_model_event(self, event: protocol.Event) -> None:
        kind = event["type"]
        if self._is_aside(event):
            self._user.on_aside_event(event)
            return
        if kind == protocol.ERROR:
            event = _redacted(event)
        self._handle(event)
        if kind in (protocol.SESSION_CREATED, protocol.SESSION_UPDATED):
            self._user.on_model_status(Status.CONNECTED)
        self._user.on_model_event(event)
        if kind == protocol.ERROR and protocol.error_code(event) in protocol.FATAL_ERRORS:
            message = str(event["error"].get("message"))
            self._user.fail(ErrorCode.UPSTREAM_UNAVAILABLE, message)

    def _is_aside(self, event: protocol.Event) -> bool:
        match event:
            case {"type": protocol.RESPONSE_CREATED, "response": {"id": str(response_id)}}:
                conversation_id = event["response"].get("conversation_id", "")
                return self.asides.created(response_id, conversation_id)
            case {"response_id": str(response_id)}:
                return self.asides.holds(response_id)
            case {"type": protocol.RESPONSE_DONE, "response": {"id": str(response_id)}}:
                return self.asides.over(response_id)
        return False

    def on_former_event(self, event: protocol.Event) -> None:
        if self._conversation.handover.is_former(event):
            self._handle(event)
            self._conversation.handover.former_said()
            self._user.on_model_event(event)

    def _handle(self, event: protocol.Event) -> None:
        try:
            self._conversation.handle(event, self._clock())
        except (KeyError, TypeError, AttributeError):
            log.warning("model left out a field of its protocol", type=event["type"])


def _redacted(event: protocol.Event) -> protocol.Event:
    """An ``error`` event whose message may go to a client: servers quote the gateway's own key in
    it.
    """
    error = event.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return event
    return {**event, "error": {**error, "message": redact_text(error["message"])}}
