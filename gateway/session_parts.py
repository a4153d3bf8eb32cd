"""What the Realtime protocol's clients have to do with of their session."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.conversation import Conversation
from gateway.core.asides import Asides
from gateway.core.mailbox import Mailbox
from gateway.core.playout import Playout
from gateway.realtime import protocol
from gateway.session_control import SessionControl
from gateway.session_model import SessionModel
from gateway.session_passthrough import PassThrough
from gateway.session_settings import SessionSettings
from gateway.uplink import Uplink


class ServedSession(Protocol):
    """The session itself."""

    id: str

    @property
    def settings(self) -> SessionSettings:
        """What it asks of its model now."""

    def update(self, **changes: Any) -> None:
        """Change these."""

    def touch(self) -> None:
        """It is not idle."""


@dataclass(frozen=True, slots=True)
class SessionParts:
    """:ivar expires_at: seconds since 1970."""

    session: ServedSession
    expires_at: int
    conversation: Conversation
    playout: Playout
    uplink: Uplink
    model: SessionModel
    control: SessionControl
    mailbox: Mailbox

    @property
    def passthrough(self) -> PassThrough | None:
        """The client's own control of the session; None: agents run it."""
        return self.control if isinstance(self.control, PassThrough) else None

    @property
    def asides(self) -> Asides:
        return self.model.asides

    @property
    def connected(self) -> bool:
        """Whether the model takes events now."""
        return self.model.client.connected

    def send(self, event: protocol.Event) -> None:
        """Send a client event to the model."""
        self.model.send(event)

    def clock(self) -> float:
        """Seconds of a monotonic clock."""
        return asyncio.get_running_loop().time()

    def describe(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """The model's session as that of the gateway: its connections come and go."""
        return {
            **session,
            "type": "realtime",
            "object": "realtime.session",
            "id": self.session.id,
            "expires_at": self.expires_at,
        }
