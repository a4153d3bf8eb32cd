"""aiortc's own connecting tasks, so that a call can be closed while it is being set up.

`RTCPeerConnection` starts ICE, DTLS and the media in tasks that it does not keep. Closed meanwhile,
it stops what has been started and returns; the task then goes on, and what it starts (aioice's
consent checks, RTCP reports, a decoder's thread) is never stopped. So while one runs, the ICE
transport is closed first: the tasks then fail at once wherever they are, and are waited for.

Private name, read in aiortc 1.16: `RTCPeerConnection.__connect`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiortc import RTCPeerConnection

_CONNECT = "_RTCPeerConnection__connect"


class Connecting:
    """Follows the connecting tasks of `connection`, which has no descriptions yet.

    Raises `AttributeError` if this aiortc connects in another way.
    """

    def __init__(self, connection: RTCPeerConnection) -> None:
        self._connect: Callable[[], Awaitable[None]] = getattr(connection, _CONNECT)
        self._running: set[asyncio.Task[Any]] = set()
        setattr(connection, _CONNECT, self._followed)

    @property
    def running(self) -> bool:
        return bool(self._running)

    async def ended(self) -> None:
        """Until none runs. One that has not begun yet finds the connection closed and returns."""
        if self._running:
            await asyncio.wait(self._running)

    async def _followed(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._connect()
        finally:
            self._running.discard(task)


async def close_cleanly(connection: RTCPeerConnection, connecting: Connecting) -> None:
    """Close `connection` in whatever state it is; nothing of it runs on."""
    if connecting.running:
        for transceiver in connection.getTransceivers():
            await transceiver.receiver.transport.transport.stop()
        await connecting.ended()
    # Of a call that stands the other end is told here: RTCP BYE, DTLS close_notify.
    await connection.close()
