"""One client of a session that speaks the Realtime protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from gateway.core.control import Right
from gateway.media.socket_audio import SocketAudio
from gateway.realtime import replies
from gateway.realtime.client_events import ClientEventError
from gateway.realtime.protocol import Event


class ClientSocket(Protocol):
    """The way to one client. Called on the event loop; must return at once."""

    def send(self, message: str) -> None:
        """Send one event."""

    def close(self, reason: str) -> None:
        """The session has ended; what was sent goes out first."""


@dataclass(eq=False, slots=True)
class ClientLine:
    """One client.

    :ivar rights: what it may change although agents run the call.
    :ivar audio: of one that hears the answers in events; None: they are played to the caller.
    """

    socket: ClientSocket
    rights: frozenset[Right]
    audio: SocketAudio | None = None
    told: bool = False
    """Whether it was told of the session."""

    def tell(self, event: Event) -> None:
        self.socket.send(json.dumps(event))

    def tell_error(self, error: ClientEventError) -> None:
        """Tell the client of its mistake."""
        self.tell(replies.error(error.code, error.message, error.param, error.event_id))
