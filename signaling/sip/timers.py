"""Deadlines of many owners, without a clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable

Run = Callable[[float], None]


class Timers:
    """Each deadline has a key; setting it again moves it."""

    def __init__(self) -> None:
        self._set: dict[Hashable, tuple[int, Run]] = {}
        self._heap: list[tuple[float, int, Hashable]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._set)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._set

    def set(self, key: Hashable, at: float, run: Run) -> None:
        """Call ``run(now)`` once it is ``at``."""
        self._serial += 1
        self._set[key] = (self._serial, run)
        heapq.heappush(self._heap, (at, self._serial, key))
        if len(self._heap) > 64 + 4 * len(self._set):
            self._heap = [entry for entry in self._heap if self._is_set(entry)]
            heapq.heapify(self._heap)

    def cancel(self, key: Hashable) -> None:
        self._set.pop(key, None)

    def _is_set(self, entry: tuple[float, int, Hashable]) -> bool:
        found = self._set.get(entry[2])
        return found is not None and found[0] == entry[1]

    @property
    def next_at(self) -> float | None:
        """The earliest deadline."""
        while self._heap and not self._is_set(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_due(self, now: float) -> None:
        """Run what is due, in order; also what that sets for now or before."""
        while (at := self.next_at) is not None and at <= now:
            _, _, key = heapq.heappop(self._heap)
            _, run = self._set.pop(key)
            run(now)
