"""Tools that are found elsewhere: a source is open for a session, and opened again when lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    from gateway.agents.tool import Tool

log = structlog.get_logger(__name__)

BACK_OFF = (1.0, 5.0, 15.0, 60.0)
"""Seconds before each further attempt; the last one repeats."""


class SourceUnavailable(Exception):
    """A source cannot be reached, or was lost; one sentence says why."""


class ToolSource(Protocol):
    """Where tools come from. Two that are equal are one."""

    @property
    def name(self) -> str:
        """As logs show it; without secrets."""

    def open(self) -> AbstractAsyncContextManager[tuple[Tool, ...]]:
        """Its tools, which work within the block.

        :raises SourceUnavailable: at the block's start; within it, when the source is lost.
        """


async def keep_open(
    source: ToolSource,
    changed: Callable[[tuple[Tool, ...]], None],
    back_off: tuple[float, ...] = BACK_OFF,
) -> None:
    """Hold a source open until cancelled.

    :param changed: told of its tools, and of none when it is lost.
    """
    attempt = 0
    while True:
        opened = False
        try:
            async with source.open() as tools:
                opened, attempt = True, 0
                changed(tools)
                await asyncio.Event().wait()
        except SourceUnavailable as error:
            log.warning("tool source unavailable", source=source.name, reason=str(error))
        if opened:
            changed(())
        await asyncio.sleep(back_off[min(attempt, len(back_off) - 1)])
        attempt += 1
