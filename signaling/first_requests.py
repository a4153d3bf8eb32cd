"""Connections whose first request does not come: aiohttp itself would wait for ever, and a file
descriptor with it (the attack called Slowloris).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from signaling.http_errors import Handler

HEAD_TIMEOUT: Final = 10.0
"""Seconds for the head of a connection's first request to arrive in."""

KEEP_ALIVE: Final = 75.0
"""Seconds for the head of a further one."""

_CHECK: Final = 1.0
"""Seconds between two looks at all connections."""


class FirstRequests:
    """Ends connections that asked for nothing within ``timeout`` seconds of being seen."""

    def __init__(self, timeout: float = HEAD_TIMEOUT) -> None:
        self._timeout = timeout
        self._asked: set[Any] = set()
        self._since: dict[Any, float] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def middleware(self) -> Any:
        """Has to come first: a request that is refused is one too."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._asked.add(request.protocol)
            return await handler(request)

        return middleware

    def watch(self, server: web.Server) -> None:
        """Until :meth:`close`."""
        self._task = asyncio.create_task(self._watch(server), name="first-requests")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(min(_CHECK, self._timeout / 2))
            self.check(server.connections, asyncio.get_running_loop().time())

    def check(self, connections: Sequence[Any], now: float) -> None:
        """:param connections: those that there are, as aiohttp's ``RequestHandler``."""
        self._asked.intersection_update(connections)
        silent = [each for each in connections if each not in self._asked]
        self._since = {each: self._since.get(each, now) for each in silent}
        for connection, since in self._since.items():
            if now - since >= self._timeout:
                connection.force_close()
