"""A session's limit of cost: a spoken warning ahead of it, a goodbye at it, and then the end.

Theory of operation. What an answer cost is known when the model has made it, often while the
caller still hears it or speaks already. The warning waits for the caller to finish; the limit does
not, as each word more costs more. After the goodbye was heard, or did not come in time, the session
is over.
``now`` is in seconds of a monotonic clock.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import Final

WARN_SHARE: Final = 0.9
"""Share of the limit at which the caller is warned."""

GOODBYE_TIMEOUT: Final = 10.0
"""Seconds for which a goodbye is waited for while the agent is silent."""

LEAVE_TIMEOUT: Final = 60.0
"""Seconds from the limit to the end, at most: an answer under way is heard out before."""


class Stage(Enum):
    FREE = "free"
    WARNED = "warned"
    LEAVING = "leaving"
    """The goodbye is being said."""
    OVER = "over"


class Input(Enum):
    NEAR = "near"
    REACHED = "reached"
    SAID = "said"
    """The agent has no more to say."""
    LATE = "late"


class Action(Enum):
    NONE = "-"
    WARN = "warn"
    SAY_GOODBYE = "say goodbye"
    END = "end"


_S, _I, _A = Stage, Input, Action

TRANSITIONS: dict[tuple[Stage, Input], tuple[Stage, Action]] = {
    (_S.FREE, _I.NEAR): (_S.WARNED, _A.WARN),
    (_S.FREE, _I.REACHED): (_S.LEAVING, _A.SAY_GOODBYE),
    (_S.WARNED, _I.REACHED): (_S.LEAVING, _A.SAY_GOODBYE),
    (_S.LEAVING, _I.SAID): (_S.OVER, _A.END),
    (_S.LEAVING, _I.LATE): (_S.OVER, _A.END),
}


class Budget:
    """One session's money.

    :param limit: US dollars; None: there is none.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self.stage = Stage.FREE
        self._silent_since = self._ends_by = inf

    def look(
        self,
        cost: float | None,
        now: float,
        *,
        caller_speaks: bool,
        agent_speaks: bool,
        agent_is_done: bool,
    ) -> Action:
        """What is to be done now.

        :param cost: US dollars until now; None: not known.
        :param agent_is_done: it says nothing, and was asked for nothing more.
        """
        if self.limit is None or cost is None:
            return Action.NONE
        action = self._feed(self._input(cost, now, caller_speaks, agent_is_done))
        if action is Action.SAY_GOODBYE:
            self._ends_by = now + LEAVE_TIMEOUT
        if action is Action.SAY_GOODBYE or agent_speaks:
            self._silent_since = now
        return action

    def _input(
        self, cost: float, now: float, caller_speaks: bool, agent_is_done: bool
    ) -> Input | None:
        assert self.limit is not None
        if self.stage is Stage.LEAVING:
            if now >= min(self._ends_by, self._silent_since + GOODBYE_TIMEOUT):
                return Input.LATE
            return Input.SAID if agent_is_done else None
        if cost >= self.limit:
            return Input.REACHED
        near = cost >= WARN_SHARE * self.limit
        return Input.NEAR if near and not caller_speaks else None

    def _feed(self, what: Input | None) -> Action:
        if what is None:
            return Action.NONE
        self.stage, action = TRANSITIONS.get((self.stage, what), (self.stage, Action.NONE))
        return action
