"""What the Realtime protocol's clients have to do with of their session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.conversation import Conversation
from gateway.core.asides import Asides
from gateway.core.playout import Playout
from gateway.realtime import protocol
from gateway.session_passthrough import PassThrough
from gateway.session_settings import SessionSettings
from gateway.uplink import Uplink


@dataclass(frozen=True, slots=True)
class SessionParts:
    """:ivar passthrough: the client's own control of the session; None: agents run it.
    :ivar send: takes client events for the model.
    :ivar update: changes the session's settings.
    :ivar touch: the session is not idle.
    :ivar connected: whether the model takes events now.
    :ivar clock: seconds of a monotonic clock.
    """

    session_id: str
    expires_at: int
    conversation: Conversation
    playout: Playout
    uplink: Uplink
    asides: Asides
    passthrough: PassThrough | None
    settings: Callable[[], SessionSettings]
    send: Callable[[protocol.Event], None]
    update: Callable[..., None]
    touch: Callable[[], None]
    connected: Callable[[], bool]
    clock: Callable[[], float]

    def describe(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """The model's session as that of the gateway: its connections come and go."""
        return {
            **session,
            "type": "realtime",
            "object": "realtime.session",
            "id": self.session_id,
            "expires_at": self.expires_at,
        }
