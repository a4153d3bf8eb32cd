"""The session that a client configures: what is in force, and what it asked for meanwhile.

Theory of operation. The server confirms updates in their order, without saying which, and refuses
one by the ``event_id`` that it had. So every update sent on a connection waits in one line, the
gateway's own among the client's; a confirmation is for the first of them. Only what was confirmed
is told to the next connection in one piece. What still waited when a connection broke is asked for
again behind that, so that a wrong update never spoils the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Update:
    """``session`` of a ``session.update``: only what is to change. ``event_id``: as it was sent;
    empty for the gateway's own.
    """

    event_id: str
    session: Mapping[str, Any]


class SessionUpdates:
    """:param session: what is asked for at first."""

    def __init__(self, session: Mapping[str, Any]) -> None:
        self.session = dict(session)
        """What is in force."""
        self._waiting: deque[Update] = deque()

    def take_waiting(self) -> list[Update]:
        """Another connection takes over: the client's updates that have to be sent on it again."""
        again = [update for update in self._waiting if update.event_id]
        self._waiting.clear()
        return again

    def own(self) -> None:
        """The gateway sent an update of its own."""
        self._waiting.append(Update("", {}))

    def ask(self, event_id: str, session: Mapping[str, Any]) -> None:
        """A client's update was sent."""
        self._waiting.append(Update(event_id, session))

    def confirmed(self) -> str:
        """The server confirmed the first in line; its ``event_id``, empty if it was not a
        client's.
        """
        if not self._waiting:
            return ""
        update = self._waiting.popleft()
        self.session = merged(self.session, update.session)
        return update.event_id

    def refused(self, event_id: str) -> bool:
        """The server refused an update; whether there was one of that id."""
        for update in self._waiting:
            if update.event_id == event_id:
                self._waiting.remove(update)
                return True
        return False


def merged(session: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``change`` over ``session``, object by object below ``audio``; one of another ``type``, and
    everything else, replaces.
    """
    result = {**session, **change}
    if isinstance(session.get("audio"), Mapping) and isinstance(change.get("audio"), Mapping):
        result["audio"] = _over(session["audio"], change["audio"])
    return result


def _over(current: Any, change: Any) -> Any:
    if not isinstance(current, Mapping) or not isinstance(change, Mapping):
        return change
    if change.get("type", current.get("type")) != current.get("type"):
        return change
    return {**current, **{name: _over(current.get(name), value) for name, value in change.items()}}
