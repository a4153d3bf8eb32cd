"""The caller's data channel as a client of the Realtime protocol."""

from __future__ import annotations

from collections.abc import Callable

from gateway.client_line import ClientLine
from gateway.core.control import Right
from gateway.media.leg import Leg
from gateway.session_clients import SessionClients


class DataChannelClient:
    """One session's; a caller that connects anew opens another channel.

    :ivar rights: what the caller may change although agents run the call.
    :param leg: the leg whose caller opened a data channel; None: none is open.
    """

    def __init__(self, clients: SessionClients, leg: Callable[[], Leg | None]) -> None:
        self.rights: frozenset[Right] = frozenset()
        self._clients = clients
        self._leg = leg
        self._line: ClientLine | None = None

    def open(self) -> None:
        """A channel was opened."""
        if self._line is not None:
            self._clients.detach(self._line)
        self._line = self._clients.attach_caller(self, self.rights)

    def receive(self, message: str) -> None:
        """The caller sent something."""
        if self._line is not None:
            self._clients.receive(self._line, message)

    def send(self, message: str) -> None:
        """As far as the caller takes it."""
        if (leg := self._leg()) is not None:
            leg.send_data(message)

    def close(self, reason: str) -> None:
        """The channel ends with its leg."""
