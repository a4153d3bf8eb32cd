"""A session's clock: what it looks after once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def heartbeat(beat: Callable[[float], None], period: float = 1.0) -> None:
    """Call ``beat`` with the loop's time every ``period`` seconds, first after one of them, until
    cancelled. What a stalled process missed is not made up for.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock()
    while True:
        deadline = max(deadline + period, clock())
        await asyncio.sleep(deadline - clock())
        beat(clock())
