"""How much waits in the queues of a session, and how much may: a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core import mailbox, responses
from gateway.session import Session
from gateway.session_clients import MAX_HELD
from gateway.uplink import MAX_COMMANDS, MAX_WAITING


@dataclass(frozen=True, slots=True)
class Queue:
    """One of a session's queues.

    :ivar limit: what fits in; None: it is bounded by more than one number.
    """

    depth: Callable[[Session], int]
    limit: int | None


QUEUES: Final[dict[str, Queue]] = {
    "mailbox_events": Queue(lambda of: of.parts.mailbox.backlog, mailbox.MAX_MISSED),
    "client_messages": Queue(lambda of: of.clients.held, MAX_HELD),
    "model_frames": Queue(lambda of: of.parts.model.client.backlog, None),
    "responses": Queue(lambda of: of.parts.conversation.responses.waiting, responses.MAX_WAITING),
    "uplink_bytes": Queue(lambda of: of.parts.uplink.waiting_bytes, MAX_WAITING),
    "uplink_commands": Queue(lambda of: of.parts.uplink.waiting_commands, MAX_COMMANDS),
}
"""By name, which says what is counted."""
