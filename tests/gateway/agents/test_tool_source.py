from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gateway.agents.tool import Tool, tool
from gateway.agents.tool_source import SourceUnavailable, keep_open


@tool
def ring() -> str:
    """Ring the bell."""
    return "ringing"


class Shaky:
    """Cannot be opened at first, then is lost, then stays."""

    name = "shaky"

    def __init__(self) -> None:
        self.openings = 0
        self.is_open = False

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Tool, ...]]:
        self.openings += 1
        if self.openings == 1:
            raise SourceUnavailable("nobody there")
        self.is_open = True
        try:
            if self.openings == 2:
                asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)  # type: ignore[union-attr]
                try:
                    yield (ring,)
                except asyncio.CancelledError:
                    asyncio.current_task().uncancel()  # type: ignore[union-attr]
                    raise SourceUnavailable("gone") from None
            yield (ring, ring)
        finally:
            self.is_open = False


async def test_a_source_that_is_lost_is_opened_again() -> None:
    source, told = Shaky(), asyncio.Queue[int]()
    task = asyncio.create_task(
        keep_open(source, lambda tools: told.put_nowait(len(tools)), back_off=(0.001,))
    )
    async with asyncio.timeout(5):
        assert [await told.get() for _ in range(3)] == [1, 0, 2]
    assert source.is_open
    task.cancel()
    await asyncio.wait([task])
    assert not source.is_open
    assert told.empty()
