"""When a conversation moves from one connection to the model to the next.

Theory of operation. A Realtime server ends every connection after its time (OpenAI: 60 minutes),
and any connection can break. Neither may end a call. So the way to the model is up to three
connections, and this table says what becomes of them:

- the *present* one carries the conversation;
- a *successor* is opened before the present one's time is up, or when it is lost; it is
  configured, told the conversation so far, and takes over;
- a *former* one may still have to say what it recognised of the caller's last words.

A planned move waits for a good :class:`Moment`, and asks for less the nearer the end is. An answer
that the model is still making is never left: at worst the server itself ends the connection, and
that is a loss, which the successor, ready by then, takes up at once. ``now`` is in seconds of a
monotonic clock.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from math import inf
from typing import Final

MAX_LEAD: Final = 300.0
"""Seconds before a connection's end at which its successor is opened, at most."""

LEAD_SHARE: Final = 0.4
"""The same as a share of a connection's time, for short ones."""

USABLE_FROM: Final = 0.5
"""Share of the lead after which a move may come while the agent is heard or the caller speaks."""

WAITING_FROM: Final = 0.9
"""Share after which it may come while the caller waits for an answer."""

LOOK_EVERY: Final = 0.1
"""Seconds between two looks for a good moment, or for the last words of a former connection."""

DRAIN_TIMEOUT: Final = 10.0
"""Seconds that a former connection has for its last words, but no more than the lead."""


class Moment(IntEnum):
    """What a move would meet, worst first."""

    BUSY = 0
    """The model is making an answer; the rest of it would be lost."""
    WAITING = 1
    """The caller said something and waits for the answer: it would come later."""
    USABLE = 2
    """The caller speaks, and would be heard twice, or listens to an answer that is all there."""
    QUIET = 3
    """Nobody speaks, and all that was said is in words."""


class State(Enum):
    AWAY = "away"
    """No connection; one is being opened."""
    SINGLE = "single"
    PREPARING = "preparing"
    """A successor is being opened and configured."""
    READY = "ready"
    """It knows the conversation, and waits for a moment."""
    DRAINING = "draining"
    """The present connection is a new one; the former has still something to say."""


class Input(Enum):
    DUE = "due"
    """The present connection nears its end."""
    OPENED = "opened"
    """The successor is open; what is sent to it arrives."""
    CONFIGURED = "configured"
    """The successor acknowledged its settings."""
    MOMENT = "moment"
    LOST = "lost"
    """The present connection is gone."""
    SUCCESSOR_LOST = "successor lost"
    DRAINED = "drained"
    """The former connection has said its last words, or is gone."""


class Action(Enum):
    NONE = "-"
    OPEN = "open"
    """Open a successor, and keep trying."""
    TELL = "tell"
    """Tell the successor what was said so far."""
    ADOPT = "adopt"
    """Make the successor the present connection; nothing is left of the one before."""
    MOVE = "move"
    """The same, and the one before stays for its last words."""
    CLOSE = "close"
    """Close the former connection."""
    REOPEN = "close, open"


_S, _I, _A = State, Input, Action

TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, Action]]] = {
    (_S.AWAY, _I.OPENED): (_S.SINGLE, _A.ADOPT),
    (_S.SINGLE, _I.DUE): (_S.PREPARING, _A.OPEN),
    (_S.SINGLE, _I.LOST): (_S.AWAY, _A.OPEN),
    (_S.PREPARING, _I.CONFIGURED): (_S.READY, _A.TELL),
    (_S.PREPARING, _I.LOST): (_S.AWAY, _A.NONE),
    (_S.READY, _I.MOMENT): (_S.DRAINING, _A.MOVE),
    (_S.READY, _I.LOST): (_S.SINGLE, _A.ADOPT),
    (_S.READY, _I.SUCCESSOR_LOST): (_S.PREPARING, _A.NONE),
    (_S.DRAINING, _I.DRAINED): (_S.SINGLE, _A.CLOSE),
    (_S.DRAINING, _I.LOST): (_S.AWAY, _A.REOPEN),
}


class Rollover:
    """The state now, and the deadlines of the present connection."""

    def __init__(self) -> None:
        self.state = State.AWAY
        self._due_at = self._usable_from = self._waiting_from = inf
        self._drain = DRAIN_TIMEOUT
        self._drained_by = inf

    def feed(self, what: Input) -> Action:
        """Apply ``what`` and return what must be done. A pair that is not in the table changes
        nothing.
        """
        self.state, action = TRANSITIONS.get((self.state, what), (self.state, Action.NONE))
        return action

    def expect_end(self, opened_at: float, lifetime: float) -> None:
        """The present connection ends ``lifetime`` seconds after it was opened."""
        lead = min(MAX_LEAD, LEAD_SHARE * lifetime)
        self._due_at = opened_at + lifetime - lead
        self._usable_from = self._due_at + USABLE_FROM * lead
        self._waiting_from = self._due_at + WAITING_FROM * lead
        self._drain = min(DRAIN_TIMEOUT, lead)

    def look(self, now: float, moment: Moment, *, drained: bool) -> Action:
        """What is to be done for the sake of time alone.

        :param drained: whether the former connection has nothing more to say.
        """
        if self.state is State.SINGLE and now >= self._due_at:
            return self.feed(Input.DUE)
        if self.state is State.READY and moment >= self._wanted(now):
            self._drained_by = now + self._drain
            return self.feed(Input.MOMENT)
        if self.state is State.DRAINING and (drained or now >= self._drained_by):
            return self.feed(Input.DRAINED)
        return Action.NONE

    def next_look(self, now: float) -> float | None:
        """When to look again; None: not before something happens."""
        if self.state is State.SINGLE:
            return self._due_at if self._due_at < inf else None
        if self.state in (State.READY, State.DRAINING):
            return now + LOOK_EVERY
        return None

    def _wanted(self, now: float) -> Moment:
        if now >= self._waiting_from:
            return Moment.WAITING
        return Moment.USABLE if now >= self._usable_from else Moment.QUIET


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.AWAY.value}"]
    for (state, what), (following, action) in TRANSITIONS.items():
        done = "" if action is Action.NONE else f" / {action.value}"
        lines.append(f"    {state.value} --> {following.value}: {what.value}{done}")
    return "\n".join(lines)
