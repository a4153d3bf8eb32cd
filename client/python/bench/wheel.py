"""One timer for all callers: who is due to send a packet, and which delayed packets are due.

Each caller sends every 20 ms, callers spread evenly over the interval. A timer each would cost a
load generator more than its packets; so the interval has at most twenty slots, a millisecond apart,
and a caller lives in one of them.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Sequence

from client.python.bench.track import PACKET_SECONDS

MOST_SLOTS = 20


class PacketWheel:
    """Calls every one of `ticks`, which are set before the start, each 20 ms, on deadlines that do
    not drift."""

    def __init__(self) -> None:
        self.ticks: Sequence[Callable[[], None]] = ()
        self._slots: list[Sequence[Callable[[], None]]] = []
        self._step = 0.0
        self._loop = asyncio.get_running_loop()
        self._delayed: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._start = 0.0
        self._turn = 0
        self.lags: list[float] = []
        """Seconds that each slot came late, since the list was last cleared."""

    def start(self) -> None:
        count = max(1, min(len(self.ticks), MOST_SLOTS))
        self._slots = [self.ticks[first::count] for first in range(count)]
        self._step = PACKET_SECONDS / count
        self._start = self._loop.time() + self._step
        self._turn = 0
        self._arm()

    def stop(self) -> None:
        """Nothing is called any more; delayed packets are dropped."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._delayed.clear()

    def later(self, when: float, send: Callable[[], None]) -> None:
        """Call `send` at `when`, seconds of the loop's clock; to be asked for from within a tick,
        after which the timer is set anew."""
        heapq.heappush(self._delayed, (when, next(self._order), send))

    def _arm(self) -> None:
        due = self._start + self._turn * self._step
        if self._delayed:
            due = min(due, self._delayed[0][0])
        self._timer = self._loop.call_at(due, self._run)

    def _run(self) -> None:
        now = self._loop.time()
        while self._delayed and self._delayed[0][0] <= now:
            heapq.heappop(self._delayed)[2]()
        while (due := self._start + self._turn * self._step) <= now:
            self.lags.append(now - due)
            for tick in self._slots[self._turn % len(self._slots)]:
                tick()
            self._turn += 1
        self._arm()
