"""A person who oversees a call has the agent say something."""

from __future__ import annotations

from typing import Final

from gateway.core.turns import Turn
from gateway.realtime import protocol
from gateway.session_parts import SessionParts

MAX_TEXT: Final = 4_096

_PROMPT: Final = (
    "[A person who oversees this call tells you, and not the caller: {text}\n"
    "Act on it in your next words, as your own, and do not mention this message.]"
)


def prompt(parts: SessionParts, text: str) -> None:
    """Give the agent a line that is not the caller's; it is answered aloud as soon as nobody
    speaks.
    """
    parts.session.touch()
    parts.model.send(protocol.message_item("system", _PROMPT.format(text=text)))
    if parts.conversation.turns.now is not Turn.CALLER_SPEAKING:
        parts.conversation.request_response()
