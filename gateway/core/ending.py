"""Why a session ends: the ``reason`` of its last ``session_status``, all in one place.

What a model's server gives as its reason (it refuses the key, it takes no more) is told in its own
sentence.
"""

from __future__ import annotations

from enum import StrEnum


class Ending(StrEnum):
    """A cause, as the sentence that a client is told."""

    LEFT = "the client left"
    CHANGED = "the client joined another session"
    NOT_BACK = "the client did not come back"
    """Within ``RECONNECT_GRACE``."""
    HUNG_UP = "the caller hung up"
    PASSED_ON = "the caller was passed on"
    LOST = "the call was lost"
    AGENT = "the agent hung up"
    CONTROLLED = "the application hung up"
    """``POST /v1/realtime/calls/{id}/hangup``, for one."""
    NO_ANSWER = "negotiation failed"
    """Of a session that lives as long as its call, and got none."""
    UNANSWERED = "the call was not answered"
    """Of a session whose call the gateway placed."""
    IDLE = "nobody spoke for a while"
    """For ``SESSION_IDLE_TIMEOUT``."""
    TOO_LONG = "the session reached its maximum duration"
    """``SESSION_MAX_DURATION``."""
    TOO_DEAR = "the session reached its limit of cost"
    """``MAX_COST_PER_SESSION``."""
    SHUT_DOWN = "the gateway is shutting down"
    STOPPED = "the gateway stopped"
    """In the middle of something."""
    BROKEN = "the session failed inside the gateway"


DISPLACED = "another connection resumed the session"
"""Told to the connection that had the session before; the session goes on."""
