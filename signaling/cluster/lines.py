"""Lines between two gateways: one for each client whose session is at the other, and what becomes
of them when either gateway, or Redis, is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.core.events import GatewayError
from signaling.cluster.bus import Body, Bus, Gone

log = structlog.get_logger(__name__)

LOOK: Final = 5.0
"""Seconds between two questions whether the other end still has our lines."""

PATIENCE: Final = 5.0
"""Seconds that it may take to answer."""


@dataclass(slots=True)
class _Line:
    place: str
    lost: Callable[[], None]
    is_open: bool = False


class Lines:
    """All of this gateway, by their id, which both ends know."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._lines: dict[str, _Line] = {}
        self._looking = asyncio.create_task(self._look_after(), name="cluster-lines")
        bus.when_broken(self._lose_all)
        bus.on_ask("alive", self._alive)

    def __len__(self) -> int:
        return len(self._lines)

    async def close(self) -> None:
        self._looking.cancel()
        await asyncio.wait([self._looking])

    def add(self, line: str, place: str, lost: Callable[[], None]) -> None:
        """A line to the gateway ``place`` is being opened.

        :param lost: is called, once, when its other end is gone, or something said may not have
            arrived.
        """
        self._lines[line] = _Line(place, lost)

    def opened(self, line: str) -> None:
        """Both ends know of it."""
        if line in self._lines:
            self._lines[line].is_open = True

    def remove(self, line: str) -> None:
        """It is closed; may be called twice."""
        self._lines.pop(line, None)

    async def is_wanted(self, line: str, place: str) -> bool:
        """Whether the gateway ``place`` still has a line that it asked for.

        :raises GatewayError: it does not answer.
        """
        try:
            answer = await self._bus.ask(place, "alive", {"lines": [line]}, PATIENCE)
        except Gone:
            return False
        return line not in answer["unknown"]

    async def _alive(self, place: str, body: Body) -> Body:
        known = {line for line, each in self._lines.items() if each.place == place}
        return {"unknown": [line for line in body["lines"] if line not in known]}

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            places = {line.place for line in self._lines.values() if line.is_open}
            await asyncio.gather(*(self._look(place) for place in places))

    async def _look(self, place: str) -> None:
        ours = [line for line, each in self._lines.items() if each.is_open and each.place == place]
        lost = ours
        try:
            answer = await self._bus.ask(place, "alive", {"lines": ours}, PATIENCE)
            unknown = answer.get("unknown", ours)
            lost = [line for line in ours if line in unknown]
        except Gone:
            log.info("another gateway is gone", gateway=place, lines=len(ours))
        except GatewayError as error:
            log.warning("another gateway does not answer", gateway=place, error=error.message)
        for line in lost:
            self._lose(line)

    def _lose_all(self) -> None:
        for line in list(self._lines):
            self._lose(line)

    def _lose(self, line: str) -> None:
        found = self._lines.pop(line, None)
        if found is not None:
            # In a turn of its own: whatever goes wrong in it concerns no other line.
            self._loop.call_soon(found.lost)
