"""SIP over UDP, TCP and TLS: sockets that bring messages, and flows that take ours."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, cast

import structlog

from gateway.sip_settings import SipAddress
from signaling.sip.framing import PING, PONG, Framer, Unframed
from signaling.sip.resolver import Hop
from signaling.sip.transaction import Flow

log = structlog.get_logger(__name__)

MAX_CONNECTIONS: Final = 1_000

MAX_OF_ONE: Final = 100
"""Of them from one address."""

FIRST_MESSAGE: Final = 15.0
"""Seconds that a connection has for its first message."""

MAX_UNSENT: Final = 1_000_000
"""Bytes that wait for a peer which reads nothing; then the connection is cut."""

_KEEP_ALIVE: Final = b"\r\n\0 "

Received = Callable[[bytes, Flow], None]
Closed = Callable[[Flow], None]
"""Nothing comes by a connection any more, nor goes."""


def host_port(host: str, port: int) -> str:
    """As in a URI."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class UdpFlow:
    """One peer's address; answers go where the request came from (RFC 3581)."""

    transport: Final = "udp"
    reliable: Final = False

    def __init__(
        self, socket: asyncio.DatagramTransport, address: tuple[Any, ...], public: Sequence[str]
    ) -> None:
        self._socket = socket
        self._address = address
        self._public = public

    @property
    def remote(self) -> tuple[str, int]:
        return plain_host(self._address[0]), self._address[1]

    @property
    def local(self) -> str:
        host, port = self._socket.get_extra_info("sockname")[:2]
        if public := _of_version(self._public, self.remote[0]):
            host = public
        elif ipaddress.ip_address(host).is_unspecified:
            host = _route_to(self._address)
        return host_port(host, port)

    def send(self, data: bytes) -> None:
        if not self._socket.is_closing():
            self._socket.sendto(data, self._address)


def plain_host(host: str) -> str:
    """An address without the interface it is of, IPv4 as such."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _of_version(addresses: Sequence[str], peer: str) -> str | None:
    """The first address of the IP version that ``peer`` has."""
    return next((each for each in addresses if (":" in each) == (":" in peer)), None)


def _route_to(address: tuple[Any, ...]) -> str:
    """Our address as ``address`` sees it. Connecting a UDP socket sends nothing."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(address)
        except OSError:
            return plain_host(address[0])
        return plain_host(probe.getsockname()[0])


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Received, public: Sequence[str]) -> None:
        self._received = received
        self._public = public

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if addr[1] != 0 and data.strip(_KEEP_ALIVE):
            self._received(data, UdpFlow(self._socket, addr, self._public))


class StreamFlow(asyncio.Protocol):
    """One TCP or TLS connection."""

    reliable: Final = True

    def __init__(
        self,
        transport: Literal["tcp", "tls"],
        received: Received,
        closed: Closed,
        public: Sequence[str],
        others: set[StreamFlow],
    ) -> None:
        self.transport = transport
        self.remote = ("", 0)
        self.local = ""
        self._received = received
        self._closed = closed
        self._public = public
        self._others = others
        self._framer = Framer()
        self._wire: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = wire = cast(asyncio.Transport, transport)
        peer, own = wire.get_extra_info("peername"), wire.get_extra_info("sockname")
        self.remote = plain_host(peer[0]), peer[1]
        public = _of_version(self._public, self.remote[0])
        self.local = host_port(public or plain_host(own[0]), own[1])
        self._admit(wire)

    def _admit(self, wire: asyncio.Transport) -> None:
        same = sum(other.remote[0] == self.remote[0] for other in self._others)
        if same >= MAX_OF_ONE or len(self._others) >= MAX_CONNECTIONS:
            wire.abort()
            return
        self._others.add(self)
        self._deadline = asyncio.get_running_loop().call_later(FIRST_MESSAGE, wire.abort)

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._framer.feed(data)
        except Unframed as error:
            log.debug("connection closed", reason=str(error))
            self.close()
            return
        for message in messages:
            self._stop_deadline()
            if message == PING:
                self.send(PONG)
            else:
                self._received(message, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._others.discard(self)
        self._closed(self)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    @property
    def is_open(self) -> bool:
        return self._wire is not None and not self._wire.is_closing()

    def send(self, data: bytes) -> None:
        wire = self._wire
        if wire is None or wire.is_closing():
            return
        wire.write(data)
        if wire.get_write_buffer_size() > MAX_UNSENT:
            wire.abort()

    def close(self) -> None:
        """Once what was sent is on its way."""
        if self._wire is not None:
            self._wire.close()


class OutboundFlow(StreamFlow):
    """A connection that we opened.

    :param port: where we listen, for a peer that would rather connect to us; None: nowhere.
    """

    def __init__(
        self,
        transport: Literal["tcp", "tls"],
        received: Received,
        closed: Closed,
        public: Sequence[str],
        port: int | None,
    ) -> None:
        super().__init__(transport, received, closed, public, set())
        self._port = port
        self.used_at = 0.0
        """When a message came or went last, by the loop's clock."""

    def _admit(self, wire: asyncio.Transport) -> None:
        self._touch()
        if self._port is not None:
            host, _, _ = self.local.rpartition(":")
            self.local = f"{host}:{self._port}"

    def _touch(self) -> None:
        self.used_at = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        self._touch()
        super().data_received(data)

    def send(self, data: bytes) -> None:
        self._touch()
        super().send(data)


class Listeners:
    """The sockets of ``SIP_LISTEN``.

    :param public: our addresses as phones see them, for Contact; none of a phone's IP version:
        the one it reaches.
    :param tls: for ``tls`` addresses.
    """

    def __init__(
        self,
        received: Received,
        closed: Closed,
        public: Sequence[str],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._received = received
        self._closed = closed
        self._public = public
        self._tls = tls
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        self._connections: set[StreamFlow] = set()
        self.addresses: list[SipAddress] = []
        """Where we listen, with the ports that were free."""

    @property
    def are_open(self) -> bool:
        """Whether each socket that was opened is still there."""
        return all(server.is_serving() for server in self._servers) and not any(
            wire.is_closing() for wire in self._datagrams
        )

    async def listen(self, wanted: SipAddress) -> None:
        """Open one address.

        :raises OSError: it cannot be.
        """
        loop = asyncio.get_running_loop()
        own: tuple[Any, ...]
        if wanted.transport == "udp":
            wire, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self._received, self._public),
                local_addr=(wanted.host, wanted.port),
            )
            self._datagrams.append(wire)
            own = wire.get_extra_info("sockname")
        else:
            kind = wanted.transport
            server = await loop.create_server(
                lambda: StreamFlow(
                    kind, self._received, self._closed, self._public, self._connections
                ),
                wanted.host,
                wanted.port,
                ssl=self._tls if kind == "tls" else None,
            )
            self._servers.append(server)
            own = server.sockets[0].getsockname()
        self.addresses.append(SipAddress(wanted.transport, wanted.host, own[1]))

    def datagrams_to(self, host: str, port: int) -> UdpFlow | None:
        """A way to an IP address from a UDP socket of ours; None: there is none of its version."""
        for wire in self._datagrams:
            if (":" in wire.get_extra_info("sockname")[0]) == (":" in host):
                return UdpFlow(wire, (host, port), self._public)
        return None

    async def connect(self, hop: Hop, tls: ssl.SSLContext | None) -> OutboundFlow:
        """A connection of ours; whoever asked for it closes it.

        :param tls: for a ``tls`` hop, whose certificate must be of its name (RFC 5922 §7).
        :raises OSError: there is none to be had, or the certificate is no good.
        """
        kind: Literal["tcp", "tls"] = "tls" if hop.transport == "tls" else "tcp"
        own = [address.port for address in self.addresses if address.transport == kind]
        _, flow = await asyncio.get_running_loop().create_connection(
            lambda: OutboundFlow(
                kind, self._received, self._closed, self._public, own[0] if own else None
            ),
            hop.address,
            hop.port,
            ssl=tls if kind == "tls" else None,
            server_hostname=hop.name if kind == "tls" else None,
        )
        return flow

    async def close(self) -> None:
        for datagrams in self._datagrams:
            datagrams.close()
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close()
        # The loop closes sockets in its next turns; a peer that reads nothing may keep one open.
        for _ in range(2):
            await asyncio.sleep(0)
