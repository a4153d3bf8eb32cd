"""A TURN allocation as a datagram transport (RFC 8656).

aioice speaks TURN; its own transport over it has a send queue without a bound, a close without a
deadline, and sockets on any port, so this one stands in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import Any

from aioice.ice import StunProtocol
from aioice.turn import TurnClientTcpProtocol, TurnClientUdpProtocol

from gateway.media.ports import UdpPorts

ALLOCATION_LIFETIME = 600
"""Seconds asked for (RFC 8656 §7.1); aioice renews an allocation after 5/6 of what is granted."""

CHANNEL_REFRESH = 240
"""Seconds after which the next packet renews its channel, and the permission that came with it: a
channel lasts 600 s, its permission only 300 (RFC 8656 §9, §12). Consent checks make that next
packet come, whoever is silent.
"""

CLOSE_TIMEOUT = 1.0
"""Seconds for the server to hear that the allocation is needed no more; else it expires there."""

MAX_PENDING = 64
"""Packets that wait for a channel to be bound, or bound anew; audio that waits longer is of no
use.
"""


@dataclass(frozen=True, slots=True)
class TurnServer:
    """Where to ask for an allocation, and how.

    :ivar transport: ``udp`` or ``tcp``, between here and the server; it relays over UDP always.
    :ivar tls: over TCP only.
    """

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    transport: str = "udp"
    tls: bool = False


class Relay(asyncio.DatagramTransport):
    """Sends from, and receives at, an address of a TURN server.

    ``get_extra_info``: ``sockname`` is the relayed address, ``related_address`` what the server
    sees of us.
    """

    def __init__(self, client: TurnClientTcpProtocol | TurnClientUdpProtocol) -> None:
        super().__init__()
        self._client = client
        self._sends: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def allocate(cls, server: TurnServer, ports: UdpPorts, protocol: StunProtocol) -> Relay:
        """Connect to a server, and have it relay to ``protocol``.

        :raises OSError: the server, or a free port to reach it from, cannot be had.
        :raises TransactionError: it refuses, or does not answer.
        """
        client = await _connect(server, ports)
        with contextlib.ExitStack() as unallocated:
            unallocated.callback(client.transport.close)
            await client.connect()
            unallocated.pop_all()
        relay = cls(client)
        client.receiver = protocol
        protocol.connection_made(relay)
        return relay

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        known = {
            "sockname": self._client.relayed_address,
            "related_address": self._client.mapped_address,
        }
        return known.get(name, default)

    def get_write_buffer_size(self) -> int:
        """Bytes that the socket to the server has not taken yet."""
        transport = self._client.transport
        assert isinstance(transport, asyncio.WriteTransport)
        return transport.get_write_buffer_size()

    def sendto(self, data: bytes, addr: Any = None) -> None:  # type: ignore[override]
        """Send a datagram to a peer; dropped when too many wait already."""
        if self.is_closing() or len(self._sends) >= MAX_PENDING:
            return
        sending = asyncio.create_task(self._client.send_data(data, addr), name="turn-send")
        self._sends.add(sending)
        sending.add_done_callback(self._sent)

    def _sent(self, sending: asyncio.Task[None]) -> None:
        self._sends.discard(sending)
        error = None if sending.cancelled() else sending.exception()
        if isinstance(error, Exception) and self._client.receiver is not None:
            self._client.receiver.error_received(error)

    def is_closing(self) -> bool:
        return self._closing is not None or self._client.transport.is_closing()

    def close(self) -> None:
        """Give the allocation back; ``connection_lost`` of the protocol follows."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="turn-close")

    async def _close(self) -> None:
        for sending in self._sends:
            sending.cancel()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._client.delete()
        except TimeoutError:
            # A connection that stands still would wait for ever to be rid of what it holds.
            self._client.transport.abort()


async def _connect(
    server: TurnServer, ports: UdpPorts
) -> TurnClientTcpProtocol | TurnClientUdpProtocol:
    loop = asyncio.get_running_loop()
    client: TurnClientTcpProtocol | TurnClientUdpProtocol
    how = (
        (server.host, server.port),
        server.username,
        server.password,
        ALLOCATION_LIFETIME,
        CHANNEL_REFRESH,
    )
    if server.transport == "tcp":
        _, client = await loop.create_connection(
            lambda: TurnClientTcpProtocol(*how), server.host, server.port, ssl=server.tls or None
        )
    else:
        _, client = await loop.create_datagram_endpoint(
            lambda: TurnClientUdpProtocol(*how), sock=await _socket_to(server, ports)
        )
    return client


async def _socket_to(server: TurnServer, ports: UdpPorts) -> socket.socket:
    """A media port that is connected to the server; the kernel chooses which of our addresses it
    sends from.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)
    family, *_, address = found[0]
    connected = ports.bind("0.0.0.0" if family == socket.AF_INET else "::")
    with contextlib.ExitStack() as unconnected:
        unconnected.callback(connected.close)
        connected.connect(address)
        unconnected.pop_all()
    return connected
