"""Media off a socket that ICE shares with it, before anybody tries to read it as STUN (RFC 7983
§7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

_MAX_DATAGRAM_BYTES = 65_536
"""What asyncio reserves for each read. Its own 256 KiB makes the allocator ask the kernel every
time, which costs ten times what the read does.
"""


class MediaFirst(asyncio.DatagramProtocol):
    """Hands SRTP and SRTCP to ``on_media``, past the owner of the socket.

    Everything else, and what comes through a TURN server, takes the owner's own way.
    """

    def __init__(self, owner: asyncio.DatagramProtocol, on_media: Callable[[bytes], None]) -> None:
        self._owner = owner
        self._on_media = on_media

    def connection_made(self, transport: Any) -> None:
        transport.max_size = _MAX_DATAGRAM_BYTES
        self._owner.connection_made(transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data and 127 < data[0] < 192:
            self._on_media(data)
        else:
            self._owner.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._owner.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.connection_lost(exc)
