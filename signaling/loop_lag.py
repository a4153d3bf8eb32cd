"""How late the event loop is: a probe that asks to be called at fixed moments.

Each moment that a stall made the probe miss counts as a call that was as late as it would have
been. Otherwise a stall of a second, however bad, would count as one call out of twenty.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Final

PERIOD: Final = 0.05
"""Seconds between two moments. Each costs the loop some 20 µs."""

BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Upper bounds of the histogram's classes, in seconds; beyond the last one is one more class."""

RECENT: Final = 60.0
"""Seconds that :meth:`LagCount.recent` looks back."""

_KEPT: Final = round(RECENT / PERIOD)


class LagCount:
    """Lags in seconds: all of them in classes, the last ones as they were."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        """Lags by class; see :data:`BOUNDS`."""
        self.total = 0.0
        """Seconds, of all lags."""
        self._recent: deque[float] = deque(maxlen=_KEPT)

    def called(self, due: float, now: float) -> float:
        """The probe was called at ``now`` instead of ``due``, in seconds of a monotonic clock.

        :return: when it is due next.
        """
        # Of a very long stall (the machine slept) no more than the last minute is made up for.
        due = max(due, now - RECENT)
        while due <= now:
            self._add(now - due)
            due += PERIOD
        return due

    def _add(self, lag: float) -> None:
        self.counts[bisect_left(BOUNDS, lag)] += 1
        self.total += lag
        self._recent.append(lag)

    def recent(self, quantiles: Sequence[float]) -> list[float]:
        """Quantiles of the lags of the last minute: the least lag that such a share of them does
        not exceed. Without lags: zeros.
        """
        lags = sorted(self._recent)
        if not lags:
            return [0.0] * len(quantiles)
        return [lags[min(int(share * len(lags)), len(lags) - 1)] for share in quantiles]


class LoopLag:
    """The probe of the running event loop, from :meth:`start` to :meth:`close`."""

    def __init__(self) -> None:
        self.count = LagCount()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._wait(self._loop.time() + PERIOD)

    def close(self) -> None:
        """May be called without :meth:`start`, and twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, due: float) -> None:
        self._timer = self._loop.call_at(due, self._called, due)

    def _called(self, due: float) -> None:
        # asyncio calls up to its clock's resolution early.
        self._wait(self.count.called(due, max(self._loop.time(), due)))
