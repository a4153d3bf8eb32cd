"""How long it pays to wait for something that may still come."""

from __future__ import annotations

from typing import Final


class Patience:
    """Seconds worth waiting, learnt from waits that would have paid; sinks back to ``floor``."""

    __slots__ = ("_ceiling", "_floor", "_learnt_at", "_value")

    HALF_LIFE: Final = 10.0
    """Seconds."""
    MARGIN: Final = 1.25

    def __init__(self, floor: float, ceiling: float) -> None:
        self._floor = floor
        self._ceiling = ceiling
        self._value = floor
        self._learnt_at = 0.0

    def at(self, now: float) -> float:
        """Seconds to wait for something missed at ``now``."""
        if self._value == self._floor:
            return self._floor
        age = max(0.0, now - self._learnt_at)
        kept: float = 0.5 ** (age / self.HALF_LIFE)
        return self._floor + (self._value - self._floor) * kept

    def learn(self, waited: float, now: float) -> None:
        """Something came after ``waited`` seconds; waits over the ceiling would not have paid."""
        wanted = min(waited * self.MARGIN, self._ceiling)
        if waited <= self._ceiling and wanted > self.at(now):
            self._value = wanted
            self._learnt_at = now
