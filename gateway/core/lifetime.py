"""How long a session lasts, and when its client is warned. ``now`` is in seconds of a monotonic
clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.core.ending import Ending
from gateway.core.events import Status, StatusChanged

WARN_AHEAD: Final = 30.0
"""Seconds before its end at which a client is warned, at most."""

WARN_SHARE: Final = 0.1
"""The same as a share of the limit, for short ones."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Seconds without a word from either side, and seconds in all, after which a session ends."""

    idle: float
    duration: float


@dataclass(frozen=True, slots=True)
class EndNotice:
    """The session ends for this cause, in so many seconds, unless something happens."""

    cause: Ending
    seconds: float


class Lifetime:
    """One session's time."""

    def __init__(self, limits: SessionLimits, now: float) -> None:
        self._limits = limits
        self._ends_at = now + limits.duration
        self._active_at = now
        self._known: Ending | None = None
        """Of which end the client knows."""

    def touch(self, now: float) -> None:
        """Somebody spoke, or did something."""
        self._active_at = now

    def ended(self, now: float) -> Ending | None:
        """Why the session is over; None: it is not."""
        cause, end, _ = self._next()
        return cause if now >= end else None

    def warning(self, now: float) -> EndNotice | None:
        """What a client is to know now."""
        cause, end, limit = self._next()
        ahead = min(WARN_AHEAD, WARN_SHARE * limit)
        return EndNotice(cause, max(0.0, end - now)) if now >= end - ahead else None

    def has_news(self, now: float) -> bool:
        """Whether its client is to know of an end, or that one which it knows of is off."""
        warning = self.warning(now)
        known, self._known = self._known, warning.cause if warning is not None else None
        return known is not self._known

    def standing(self, status: Status, now: float) -> StatusChanged:
        """Where things stand, and whether the end is near, once that was news."""
        warning = self.warning(now) if self._known is not None else None
        if warning is None:
            return StatusChanged(status)
        return StatusChanged(status, warning.cause, warning.seconds)

    def _next(self) -> tuple[Ending, float, float]:
        """The cause that comes first, when, and the limit it is of."""
        idle_at = self._active_at + self._limits.idle
        if idle_at < self._ends_at:
            return Ending.IDLE, idle_at, self._limits.idle
        return Ending.TOO_LONG, self._ends_at, self._limits.duration
