"""The addresses of this machine, and which of them media may use (``MEDIA_INTERFACES``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby

import ifaddr

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """A unicast address of one of this machine's interfaces."""

    interface: str
    address: IpAddress


def own_addresses() -> list[OwnAddress]:
    """Those of all interfaces, loopback among them.

    IPv6 link-local addresses are left out: they mean nothing without the name of an interface,
    which a candidate has no place for.
    """
    return list(_read())


def _read() -> Iterator[OwnAddress]:
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            # IPv6 comes as (address, flow label, scope).
            address = ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
            if address.version == 4 or not address.is_link_local:
                yield OwnAddress(adapter.name, address)


class InterfaceFilter:
    """Interfaces by name (``eth*``) or by network (``10.0.0.0/8``, ``2001:db8::1``).

    :param patterns: an address is let through by any of them.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._names: list[str] = []
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for pattern in patterns:
            try:
                self._networks.append(ipaddress.ip_network(pattern, strict=False))
            except ValueError:
                self._names.append(pattern)

    def admits(self, own: OwnAddress) -> bool:
        """Whether media may use it."""
        return any(own.address in network for network in self._networks) or any(
            fnmatchcase(own.interface, name) for name in self._names
        )


def listing(addresses: Sequence[OwnAddress]) -> str:
    """``eth0: 192.0.2.5, 2001:db8::5; lo: 127.0.0.1``, for a message."""
    by_name = sorted(addresses, key=lambda own: own.interface)
    return "; ".join(
        f"{name}: {', '.join(str(own.address) for own in group)}"
        for name, group in groupby(by_name, key=lambda own: own.interface)
    )
