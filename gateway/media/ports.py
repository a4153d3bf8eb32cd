"""UDP sockets for media: on any free port, or on those of one range (``UDP_PORT_RANGE``)."""

from __future__ import annotations

import errno
import ipaddress
import socket
import time
from collections.abc import Iterator

RECEIVE_BUFFER = 262_144
"""Bytes that wait in the kernel while this process is busy; Linux grants no more than
``net.core.rmem_max``.
"""


REST = 10.0
"""Seconds that the ports of a phone's call are not given to another: the phone may not know yet
that the call ended, and nothing but the port tells its packets from those of the next one.
"""

_PAIR_ATTEMPTS = 64
"""Of the kernel's choice, when there is no range: half of its ports are odd."""


class PortsExhausted(OSError):
    """Every port of the range is taken at one address."""


class UdpPorts:
    """Where media sockets may be bound.

    A range is walked round and round: the port of a call that ended rests as long as possible, as
    its peer may still send there. Who else takes a port of the range is found out by binding, which
    cannot be overtaken; a port that is taken costs two microseconds.

    :param first: of the range, its ``last`` included. Without one, the kernel chooses.
    """

    def __init__(self, first: int = 0, last: int = 0) -> None:
        self._ports = range(first, last + 1)
        self._position = 0
        self._resting: dict[tuple[str, int], float] = {}

    def bind(self, address: str) -> socket.socket:
        """A non-blocking socket on one free port of a local IP address.

        :raises PortsExhausted: the range has no free port at this address.
        :raises OSError: the address is not of this machine.
        """
        bound = _unbound(address)
        try:
            self._bind(bound, address)
        except OSError:
            bound.close()
            raise
        return bound

    def bind_pair(self, address: str) -> tuple[socket.socket, socket.socket]:
        """Sockets for RTP and RTCP: an even port and the next one (RFC 3550 §11).

        Ports of a range that were given to :meth:`rest` are taken again only when no others are
        free, and then those that have rested longest.

        :raises PortsExhausted: the range has no free pair at this address.
        :raises OSError: the address is not of this machine.
        """
        now = time.monotonic()
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        resting: list[int] = []
        for port in self._even_ports():
            if (address, port) in self._resting:
                resting.append(port)
            elif (pair := _pair(address, port)) is not None:
                return pair
        for port in sorted(resting, key=lambda port: self._resting[address, port]):
            if (pair := _pair(address, port)) is not None:
                return pair
        raise PortsExhausted(errno.EADDRINUSE, "no pair of UDP_PORT_RANGE is free", address)

    def rest(self, address: str, port: int) -> None:
        """The pair that begins at ``port`` was closed."""
        self._resting[address, port] = time.monotonic() + REST

    def _even_ports(self) -> Iterator[int]:
        """Each of the range once, from where the last walk ended; 0: as the kernel likes."""
        if self._ports.stop == 1:
            yield from (0 for _ in range(_PAIR_ATTEMPTS))
        for _ in self._ports:
            port = self._ports[self._position]
            self._position = (self._position + 1) % len(self._ports)
            if port % 2 == 0 and port + 1 in self._ports:
                yield port

    def _bind(self, unbound: socket.socket, address: str) -> None:
        for _ in self._ports:
            port = self._ports[self._position]
            self._position = (self._position + 1) % len(self._ports)
            try:
                return unbound.bind((address, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise PortsExhausted(errno.EADDRINUSE, "no port of UDP_PORT_RANGE is free", address)


def _unbound(address: str) -> socket.socket:
    version = ipaddress.ip_address(address).version
    made = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if version == 6:
            # The other version's ports are others, even of the wildcard address.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    except OSError:
        made.close()
        raise
    return made


def _pair(address: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    """Both sockets bound, or None: one of the ports is taken, or the kernel chose an odd one."""
    rtp, rtcp = _unbound(address), _unbound(address)
    try:
        rtp.bind((address, port))
        port = rtp.getsockname()[1]
        if port % 2 == 0:
            rtcp.bind((address, port + 1))
            return rtp, rtcp
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            rtp.close()
            rtcp.close()
            raise
    rtp.close()
    rtcp.close()
    return None
