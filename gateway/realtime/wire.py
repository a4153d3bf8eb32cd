"""The way to a Realtime server: its address, and an open WebSocket.

The only importer of ``websockets`` on this side. Audio is written in the call that brings it, as a
frame made here: the library's ``send()`` is a coroutine behind a context manager and asks the
kernel for each mask, which fifty times a second and call costs as much as decoding does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.protocol import State

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part
    from websockets.utils import apply_mask

DEFAULT_APPEND_MS = 20
DEFAULT_SESSION_LIMIT = 3600.0
OPEN_TIMEOUT = 10.0
CLOSE_TIMEOUT = 1.0
MAX_EVENT_BYTES = 16 * 1024 * 1024

READ_BYTES = 64 * 1024

UNSENT_BYTES = 16 * 1024
"""What the kernel may hold without having sent it: a quarter of a second of audio. Left to itself
it takes megabytes, and a stalled server would be noticed, and audio dropped, a minute late.
"""

_REFUSALS = {
    401: "the model's server refused the API key",
    403: "the model's server refused access with this API key",
    404: "the model's server does not know this model or path",
}


class ModelRefused(Exception):
    """The server will not take this client, however often it asks: one clear sentence says why."""


class ModelUnreachable(Exception):
    """No connection for now: one clear sentence says why."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Realtime server. ``url`` is ``ws://`` or ``wss://``; ``model`` goes into its query unless
    it has one.

    :ivar append_ms: of the caller's audio sent to it in one event.
    :ivar session_limit: seconds after which it ends a connection, unless it tells an earlier time.
    """

    url: str
    model: str = ""
    api_key: str | None = field(default=None, repr=False)
    append_ms: int = DEFAULT_APPEND_MS
    session_limit: float = DEFAULT_SESSION_LIMIT

    @property
    def address(self) -> str:
        """The URL to open."""
        parts = urlsplit(self.url)
        query = dict(parse_qsl(parts.query))
        if self.model:
            query.setdefault("model", self.model)
        return urlunsplit(parts._replace(query=urlencode(query)))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    @property
    def on_this_machine(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


class ModelSocket:
    """An open connection. Frames are the text of one event each."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._masks = _Masks()
        # What asyncio reserves for each read; with its own 256 KiB, the allocator asks the kernel.
        connection.transport.max_size = READ_BYTES  # type: ignore[attr-defined]
        _bound_unsent(connection.transport.get_extra_info("socket"))

    def send_now(self, frame: bytes) -> bool:
        """Write a frame in this very call.

        :return: False, and nothing is written, while earlier ones wait or the connection closes.
        """
        connection = self._connection
        if connection.state is not State.OPEN or connection.transport.get_write_buffer_size():
            return False
        connection.transport.write(text_frame(frame, self._masks.next()))
        return True

    async def send(self, frame: bytes) -> None:
        """Write a frame, and wait while too much is unsent.

        :raises ModelUnreachable: the connection is closed.
        """
        try:
            await self._connection.send(frame, text=True)
        except ConnectionClosed:
            raise ModelUnreachable(_CLOSED) from None

    async def frames(self) -> AsyncIterator[str | bytes]:
        """What the server sends, until the connection ends in whatever way."""
        with contextlib.suppress(ConnectionClosed):
            async for frame in self._connection:
                yield frame


class _Masks:
    """Keys that nobody can foretell (RFC 6455 §5.3); the kernel is asked for many at a time."""

    def __init__(self) -> None:
        self._random = b""
        self._used = 0

    def next(self) -> bytes:
        if self._used == len(self._random):
            self._random, self._used = os.urandom(1024), 0
        self._used += 4
        return self._random[self._used - 4 : self._used]


def text_frame(payload: bytes, mask: bytes) -> bytes:
    """A whole text message as a client's frame (RFC 6455 §5.2)."""
    length = len(payload)
    if length < 126:
        header = struct.pack("!BB", 0x81, 0x80 | length)
    elif length < 65_536:
        header = struct.pack("!BBH", 0x81, 0x80 | 126, length)
    else:
        header = struct.pack("!BBQ", 0x81, 0x80 | 127, length)
    return header + mask + apply_mask(payload, mask)


_CLOSED = "the model's server closed the connection"


@contextlib.asynccontextmanager
async def open_socket(endpoint: Endpoint) -> AsyncIterator[ModelSocket]:
    """A connection, closed at the end of the block.

    :raises ModelRefused: no further attempt can succeed.
    :raises ModelUnreachable: one may.
    """
    try:
        connection = await connect(
            endpoint.address,
            additional_headers=endpoint.headers,
            compression=None,  # base64 of PCM does not shrink enough to pay for it
            max_size=MAX_EVENT_BYTES,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            proxy=None if endpoint.on_this_machine else True,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status in _REFUSALS:
            raise ModelRefused(f"{_REFUSALS[status]} (HTTP {status})") from None
        raise ModelUnreachable(f"the model's server answered HTTP {status}") from None
    except InvalidURI:
        raise ModelRefused("REALTIME_URL is not a WebSocket address") from None
    except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
        name = type(error).__name__
        raise ModelUnreachable(f"the model's server cannot be reached ({name})") from None
    try:
        yield ModelSocket(connection)
    finally:
        await _close(connection)


async def _close(connection: ClientConnection) -> None:
    """Close it, reading on: behind messages that nobody takes the end would not be seen."""
    closing = asyncio.create_task(connection.close(), name="model-connection-close")
    try:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.recv(decode=False)
    finally:
        await closing


def _bound_unsent(tcp: socket.socket | None) -> None:
    """Where the system can tell sent bytes from unsent ones (Linux, macOS)."""
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if tcp is not None and option is not None:
        tcp.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES)
