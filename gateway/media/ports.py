"""UDP sockets for media: on any free port, or on those of one range (``UDP_PORT_RANGE``)."""

from __future__ import annotations

import errno
import ipaddress
import socket

RECEIVE_BUFFER = 262_144
"""Bytes that wait in the kernel while this process is busy; Linux grants no more than
``net.core.rmem_max``.
"""


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

    def bind(self, address: str) -> socket.socket:
        """A non-blocking socket on one free port of a local IP address.

        :raises PortsExhausted: the range has no free port at this address.
        :raises OSError: the address is not of this machine.
        """
        version = ipaddress.ip_address(address).version
        bound = socket.socket(
            socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM
        )
        try:
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if version == 6:
                # The other version's ports are others, even of the wildcard address.
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._bind(bound, address)
        except OSError:
            bound.close()
            raise
        return bound

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
