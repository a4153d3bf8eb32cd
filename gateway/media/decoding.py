"""Where recordings are decoded: one thread for the streams of all sessions, one process for files,
and a short queue before each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

from gateway.media.containers import Recording
from gateway.media.decoded import Decoded, too_many
from gateway.media.decoder_process import DecoderProcess

Result = TypeVar("Result")

MAX_WAITING = 32
"""Recordings; those beyond are refused. Each takes a second at most."""

PATIENCE = 3.0
"""Seconds until a stream that still waits for the thread is refused."""


class Budget(Protocol):
    """What decoding files may cost whoever sends them."""

    def check(self) -> None:
        """:raises GatewayError: ``rate_limited``: it is spent."""

    def spend(self, seconds: float) -> None:
        """A file kept the decoder busy for that long."""


class _Free:
    """Whatever it costs."""

    def check(self) -> None: ...

    def spend(self, seconds: float) -> None: ...


FREE: Final = _Free()


class DecodingPool:
    """Decodes off the event loop, one recording after the other. Starts no thread and no process
    before they are used.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "decoding")
        self._files = DecoderProcess()
        self._waiting = 0

    @property
    def backlog(self) -> int:
        """Recordings that wait, with the one that is decoded."""
        return self._waiting

    async def decode(self, recording: Recording, data: bytes, budget: Budget = FREE) -> Decoded:
        """What an event brings of a recording; not two of one recording at once.

        :param budget: pays for whole files; a stream costs next to nothing.
        :raises GatewayError: ``capacity``, ``unsupported_format`` or ``too_large``; the recording
            is over. ``rate_limited``: the budget is spent.
        """
        if self._waiting >= MAX_WAITING:
            raise too_many()
        if recording.continues:
            decoded = await self._in_thread(lambda: recording.decode_stream(data))
            if decoded is not None:
                return decoded
        budget.check()
        return await self._in_process(recording.container, data, budget)

    async def _in_process(self, container: str, data: bytes, budget: Budget) -> Decoded:
        self._waiting += 1
        try:
            return await self._files.decode(container, data, budget.spend)
        finally:
            self._waiting -= 1

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        self._waiting += 1
        # Not the coroutine counts down: it may be cancelled, and the work goes on.
        done = asyncio.get_running_loop().run_in_executor(self._executor, work)
        done.add_done_callback(self._count_down)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(done)
        except TimeoutError:
            raise too_many() from None

    def _count_down(self, done: asyncio.Future[Result]) -> None:
        self._waiting -= 1
        if not done.cancelled():
            done.exception()  # Its client may have gone.

    async def close(self) -> None:
        """Take no more; what a thread has under way ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        await self._files.close()
