"""An event loop in virtual time: seconds of timers in milliseconds, and the same every time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def time(self) -> float:
        return self.ahead

    def advance(self, seconds: float, late: float = 0.0) -> None:
        """Run timers due within ``seconds``, each ``late`` seconds after its time."""
        end = self.ahead + seconds

        async def run() -> None:
            await asyncio.sleep(0)  # what is overdue already runs first
            while True:
                due = [t.when() for t in self._scheduled if not t.cancelled()]  # type: ignore[attr-defined]
                if not due or min(due) > end:
                    break
                self.ahead = max(self.ahead, min(due) + late)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            self.ahead = max(self.ahead, end)

        self.run_until_complete(run())

    def pending_timers(self) -> int:
        """Timers that would still fire."""
        return sum(not timer.cancelled() for timer in self._scheduled)  # type: ignore[attr-defined]


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        loop.close()
