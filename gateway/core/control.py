"""Who runs a call that comes from a client of the Realtime protocol."""

from __future__ import annotations

from enum import Enum


class Control(Enum):
    """Who decides what the model is asked for."""

    AGENTS = "agents"
    """The gateway's agents; the client is a caller."""
    PASS_THROUGH = "passthrough"
    """The client, as with the model's own server: its instructions, tools and turns."""


class Right(Enum):
    """What a client may change although agents run the call."""

    INSTRUCTIONS = "instructions"
    """What the model is told to be, also by items that are not the caller's words."""
    TOOLS = "tools"
    """Tools that the client runs itself, besides the agents'."""


ALL_RIGHTS = frozenset(Right)
