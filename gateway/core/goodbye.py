"""When an agent's wish to hang up is granted: once its goodbye is heard, unless the caller goes on.

``now`` is in seconds of a monotonic clock.
"""

from __future__ import annotations

GRACE = 0.3
"""Seconds of quiet after the last word, for what the caller's side still has to play."""

PATIENCE = 20.0
"""Seconds after which the call ends, whatever is still being said."""


class Goodbye:
    """The wish, and how it stands."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._quiet_since: float | None = None

    @property
    def wished(self) -> bool:
        return self._since is not None

    def wish(self, now: float) -> None:
        """The agent wants to hang up."""
        self._since, self._quiet_since = now, None

    def due(self, now: float, *, quiet: bool, caller_speaks: bool) -> bool:
        """Whether to hang up now.

        :param quiet: nothing is being said, prepared or played by the agent.
        :param caller_speaks: the caller has more to say: the wish is forgotten.
        """
        if caller_speaks:
            self._since = None
        if self._since is None:
            return False
        if not quiet:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        rested = self._quiet_since is not None and now - self._quiet_since >= GRACE
        return rested or now - self._since >= PATIENCE
