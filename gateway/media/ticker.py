"""One timer of the event loop for all that is due at the same moment.

Deadlines of many calls fall on a common grid. A timer for each would cost a heap operation and a
handle fifty times a second and call; here a deadline that is known already costs a list entry.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Tick:
    """A callback to come, at ``when`` seconds of the loop's clock."""

    __slots__ = ("_ticker", "callback", "when")

    def __init__(self, ticker: Ticker, when: float, callback: Callable[[], None]) -> None:
        self._ticker = ticker
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call back."""
        self.callback = None
        self._ticker.forget(self)


class Ticker:
    """Timers of one event loop; those of equal deadlines share one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[float, list[Tick]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    @classmethod
    def running(cls) -> Ticker:
        """The ticker of the running event loop; it lives as long as anybody has it."""
        loop = asyncio.get_running_loop()
        ticker = _tickers.get(loop)
        if ticker is None:
            ticker = _tickers[loop] = cls(loop)
        return ticker

    @property
    def waiting(self) -> int:
        """Callbacks to come."""
        return sum(len(ticks) for ticks in self._due.values())

    def call_at(self, when: float, callback: Callable[[], None]) -> Tick:
        """As the event loop's own; in the order of the calls for one ``when``."""
        tick = Tick(self, when, callback)
        ticks = self._due.get(when)
        if ticks is None:
            self._due[when] = [tick]
            self._timers[when] = self._loop.call_at(when, self._run, when)
        else:
            ticks.append(tick)
        return tick

    def forget(self, tick: Tick) -> None:
        """A tick was cancelled; the last one of its moment takes the timer along."""
        ticks = self._due.get(tick.when, ())
        if tick in ticks:
            self._due[tick.when].remove(tick)
            if not ticks:
                del self._due[tick.when]
                self._timers.pop(tick.when).cancel()

    def _run(self, when: float) -> None:
        del self._timers[when]
        for tick in self._due.pop(when):
            if tick.callback is None:
                continue
            try:
                tick.callback()
            except Exception:  # the root of one call's tick: the others' go on
                log.exception("a timed callback failed")


_tickers: weakref.WeakValueDictionary[asyncio.AbstractEventLoop, Ticker] = (
    weakref.WeakValueDictionary()
)
