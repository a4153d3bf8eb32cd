"""Two UDP sockets side by side: RTP on an even port, RTCP on the next (RFC 3550 §11)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any, Final

from gateway.core.latch import Source
from gateway.media.addresses import MediaAddresses
from gateway.media.interfaces import IpAddress

OnDatagram = Callable[[bytes, Source], None]

_MAX_DATAGRAM_BYTES: Final = 65_536
"""What asyncio reserves for each read; its own 256 KiB makes the allocator ask the kernel."""

_MAX_UNSENT_BYTES: Final = 65_536


class RtpSockets:
    """An RTP session's two sockets at one local address.

    :param address: local, one of ``addresses.bind``.
    :param on_rtp, on_rtcp: called with each datagram and where it came from.
    :raises PortsExhausted: no pair of ports is free.
    :raises OSError: the address is not of this machine.
    """

    def __init__(
        self, addresses: MediaAddresses, address: str, on_rtp: OnDatagram, on_rtcp: OnDatagram
    ) -> None:
        self.announced = addresses.announced(address)
        self._address = address
        self._ports = addresses.ports
        pair = self._ports.bind_pair(address)
        self.port: int = pair[0].getsockname()[1]
        self._unopened = list(pair)
        self._ends = (_End(on_rtp), _End(on_rtcp))
        self._closed = False

    @property
    def address(self) -> str:
        """The local one."""
        return self._address

    async def open(self) -> None:
        """Begin to receive. Both sockets are open already: what comes early waits in them."""
        loop = asyncio.get_running_loop()
        for end in self._ends:
            bound = self._unopened.pop(0)
            await loop.create_datagram_endpoint(lambda end=end: end, sock=bound)  # type: ignore[misc]

    def send(self, data: bytes, target: Source) -> None:
        """One datagram from the RTP port; lost if the socket takes no more."""
        self._ends[0].send(data, target)

    def send_rtcp(self, data: bytes, target: Source) -> None:
        """One datagram from the RTCP port."""
        self._ends[1].send(data, target)

    async def close(self) -> None:
        """Close both; their ports rest. May be called twice."""
        if self._closed:
            return
        self._closed = True
        for unopened in self._unopened:
            unopened.close()
        self._ports.rest(self._address, self.port)
        for end in self._ends:
            await end.close()


class _End(asyncio.DatagramProtocol):
    def __init__(self, on_datagram: OnDatagram) -> None:
        self._on_datagram = on_datagram
        self._transport: Any = None
        self._lost = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        transport.max_size = _MAX_DATAGRAM_BYTES
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._on_datagram(data, addr if len(addr) == 2 else addr[:2])

    def error_received(self, exc: Exception) -> None:
        """ICMP: nobody listens there (yet). Whether the peer is gone, its silence tells."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    def send(self, data: bytes, target: Source) -> None:
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size() <= _MAX_UNSENT_BYTES:
            transport.sendto(data, target)

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            await self._lost.wait()


def local_address(addresses: MediaAddresses, peer: str | None) -> str:
    """The bound address to speak with ``peer`` (an IP address) from: the one that the kernel would
    take, or where media may not use that, the first of its kind.
    """
    if peer is not None:
        route = _route(peer)
        if route in addresses.bind:
            return route
    version = 4 if peer is None else ipaddress.ip_address(peer).version
    return min(addresses.bind, key=lambda bound: _unlike(ipaddress.ip_address(bound), version))


def _route(peer: str) -> str | None:
    """The source address of packets to ``peer``; none is sent to find out."""
    family = socket.AF_INET if ipaddress.ip_address(peer).version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return None


def _unlike(bound: IpAddress, version: int) -> tuple[bool, bool]:
    return bound.version != version, bound.is_loopback


def can_reach(bound: str, target: str) -> bool:
    """Whether media from a local address may go to another: of its IP version, and to the loopback
    of this machine only from there.
    """
    here, there = ipaddress.ip_address(bound), ipaddress.ip_address(target)
    return here.version == there.version and (here.is_loopback or not there.is_loopback)
