"""From the host of a SIP URI to addresses, in the order in which to try them (RFC 3263 §4.2)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
from dns.rdtypes.IN.SRV import SRV

from gateway.sip_settings import Transport

TIMEOUT: Final = 5.0
"""Seconds for a name server, or for the system's resolver."""

MAX_HOPS: Final = 8
MAX_SERVERS: Final = 4
"""Of SRV records, those that are looked at."""

DEFAULT_PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}

_SERVICES: Final = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}


class Unreachable(Exception):
    """There is no way to a peer: one sentence says why."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a request may be sent.

    :ivar address: IPv4 or IPv6.
    :ivar name: what a certificate has to be of: the host that was asked for (RFC 5922 §7.1).
    """

    transport: Transport
    address: str
    port: int
    name: str


class Resolver:
    """Asks the system's name servers, off the loop.

    :param servers: other name servers, as ``(address, port)``.
    """

    def __init__(self, servers: Sequence[tuple[str, int]] = ()) -> None:
        self._servers = servers

    async def resolve(self, transport: Transport, host: str, port: int | None) -> list[Hop]:
        """The hops for a host; the transport is given, so NAPTR is not asked for (§4.1).

        :param host: a name, or an address without brackets.
        :param port: None: that of an SRV record, or the default.
        :raises Unreachable: the name has no address, or nobody tells it.
        """
        servers = [(host, port or DEFAULT_PORTS[transport])]
        if port is None and not _is_address(host):
            servers = await self._services(transport, host) or servers
        hops: list[Hop] = []
        failed = ""
        for name, at in servers[:MAX_SERVERS]:
            try:
                hops += [Hop(transport, address, at, host) for address in await _addresses(name)]
            except Unreachable as error:
                failed = str(error)
        if not hops:
            raise Unreachable(failed)
        return hops[:MAX_HOPS]

    async def _services(self, transport: Transport, host: str) -> list[tuple[str, int]]:
        """The servers of a host by its SRV records (RFC 2782); none if it has no records."""
        try:
            resolver = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                resolver.nameservers = [
                    dns.nameserver.Do53Nameserver(address, port) for address, port in self._servers
                ]
            answer = await resolver.resolve(
                f"{_SERVICES[transport]}.{host}.", "SRV", lifetime=TIMEOUT
            )
        except (dns.exception.DNSException, OSError):
            return []
        ordered = answer.rrset.processing_order() if answer.rrset is not None else []
        records = [record for record in ordered if isinstance(record, SRV)]
        if [record.target for record in records] == [dns.name.root]:
            raise Unreachable(f"{host} has no service by {transport}")
        return [(record.target.to_text(omit_final_dot=True), record.port) for record in records]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _addresses(name: str) -> list[str]:
    if _is_address(name):
        return [name]
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(TIMEOUT):
            found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise Unreachable(f"nobody says what the address of {name} is") from None
    except (OSError, UnicodeError):
        raise Unreachable(f"{name} is not known") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))
