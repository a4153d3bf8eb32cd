"""What a client sent over a WebSocket and was not taken in yet. It is read on meanwhile, as far as
there is room: who has left is noticed, although the model takes nothing now.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
from aiohttp import web

Message = str | bytes

MAX_MESSAGES: Final = 4_096
MAX_LENGTH: Final = 4 * 1024 * 1024
"""Characters of all of them; one more message comes on top. Beyond it the client is not read."""

BURST: Final = 16
"""Messages that are taken before others get their turn, however many came at once."""

LEAVE_TIMEOUT: Final = 1.0
"""Seconds in which what a client sent last is taken in after it left."""

_DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


class ClientInbox:
    """:param take_now: takes a message at once; False: it cannot.
    :param take: takes one when it can be taken.
    """

    def __init__(
        self, take_now: Callable[[Message], bool], take: Callable[[Message], Awaitable[None]]
    ) -> None:
        self._take_now = take_now
        self._take = take
        self._waiting: deque[Message] = deque()
        self._length = 0
        self._is_taking = self._has_left = False
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def read(self, socket: web.WebSocketResponse) -> None:
        """Until the client leaves. Messages are taken one after the other, in their order."""
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(self._take_all(), name="client-inbox")
            taken = 0
            async for frame in socket:
                if frame.type in _DATA and (self._is_busy or not self._take_now(frame.data)):
                    self._put(frame.data)
                    await self._room.wait()
                taken += 1
                if taken % BURST == 0:
                    await asyncio.sleep(0)
            self._has_left = True
            self._some.set()
            await asyncio.wait([taking], timeout=LEAVE_TIMEOUT)
            taking.cancel()

    @property
    def _is_busy(self) -> bool:
        return self._is_taking or bool(self._waiting)

    def _put(self, message: Message) -> None:
        self._waiting.append(message)
        self._count(len(message))
        self._some.set()

    def _count(self, length: int) -> None:
        self._length += length
        if len(self._waiting) < MAX_MESSAGES and self._length < MAX_LENGTH:
            self._room.set()
        else:
            self._room.clear()

    async def _take_all(self) -> None:
        while not self._has_left:
            await self._some.wait()
            self._is_taking = True
            while self._waiting:
                message = self._waiting.popleft()
                self._count(-len(message))
                await self._take(message)
                await asyncio.sleep(0)
            self._is_taking = False
            self._some.clear()
