"""A WebSocket as the way to one client: what it is sent waits in one bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self

import structlog
from aiohttp import WSCloseCode, web

log = structlog.get_logger(__name__)

MAX_UNSENT: Final = 16 * 1024 * 1024
"""Characters that a client may leave unread. One that reads slower than that is cut off."""

CLOSE_TIMEOUT: Final = 2.0
"""Seconds in which what was sent last must be read."""

_MAX_REASON: Final = 123
"""Bytes (RFC 6455 §5.5)."""


class ClientWebSocket:
    """Use as an async context manager around the reading of an open socket.

    :param request: what opened it.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._aborting: asyncio.TimerHandle | None = None
        self._unsent: deque[str] = deque()
        self._length = 0
        self._wake = asyncio.Event()
        self._reason: str | None = None
        self._cut = False
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write(), name="realtime-socket")
        if self._reason is not None:
            self._abort_later()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._writer is not None
        if self._reason is None:
            self._writer.cancel()
        await asyncio.wait([self._writer], timeout=CLOSE_TIMEOUT)
        self._writer.cancel()
        await asyncio.wait([self._writer])
        if self._aborting is not None:
            self._aborting.cancel()

    def send(self, message: str) -> None:
        """Send one event, in order."""
        if self._cut:
            return
        if self._length + len(message) > MAX_UNSENT:
            log.warning("client reads too slowly; cut off")
            self._cut = True
            self._unsent.clear()
            self.close("too slow")
            return
        self._unsent.append(message)
        self._length += len(message)
        self._wake.set()

    def close(self, reason: str) -> None:
        """Close, once what was sent is on its way; before it is open, too."""
        self._reason = reason
        self._wake.set()
        if self._aborting is None and self._writer is not None and not self._writer.done():
            self._abort_later()

    def _abort_later(self) -> None:
        # The writer may wait for ever for a client that reads nothing.
        loop = asyncio.get_running_loop()
        self._aborting = loop.call_later(CLOSE_TIMEOUT, self._abort)

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _write(self) -> None:
        try:
            while True:
                while self._unsent:
                    message = self._unsent.popleft()
                    self._length -= len(message)
                    await self._socket.send_str(message)
                if self._reason is not None:
                    break
                self._wake.clear()
                await self._wake.wait()
            code = WSCloseCode.POLICY_VIOLATION if self._cut else WSCloseCode.OK
            await self._socket.close(code=code, message=self._reason.encode()[:_MAX_REASON])
        except ConnectionError:
            return
