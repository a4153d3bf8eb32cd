"""Where recordings are decoded: one thread for all sessions, and a short queue before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.core.events import ErrorCode, GatewayError

Result = TypeVar("Result")

MAX_WAITING = 32
"""Recordings; those beyond are refused. Each takes a second at most."""


class DecodingPool:
    """Decodes off the event loop, one recording after the other. Starts no thread before it is
    used.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "decoding")
        self._waiting = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """:raises GatewayError: ``capacity``."""
        if self._waiting >= MAX_WAITING:
            raise GatewayError(ErrorCode.CAPACITY, "the gateway decodes too many recordings now")
        self._waiting += 1
        # Not the coroutine counts down: it may be cancelled, and the work goes on.
        done = asyncio.get_running_loop().run_in_executor(self._executor, work)
        done.add_done_callback(self._count_down)
        return await asyncio.shield(done)

    def _count_down(self, done: asyncio.Future[Result]) -> None:
        self._waiting -= 1
        if not done.cancelled():
            done.exception()  # Its client may have gone.

    def close(self) -> None:
        """Take no more; what is under way ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)
