"""Which addresses media sockets are bound to, and what a peer is told of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.media.interfaces import InterfaceFilter, IpAddress, OwnAddress, listing, own_addresses
from gateway.media.ports import UdpPorts

_LOOPBACK = ipaddress.ip_address("127.0.0.1")


class NoMediaAddress(ValueError):
    """The settings leave no address for media, or contradict each other: one line names them."""


@dataclass(frozen=True, slots=True)
class MediaAddresses:
    """Where media sockets are bound, and what is announced for them.

    ``public`` maps an IP version (4 or 6) to the address announced in the place of each bound one
    but loopback: the outer side of a 1:1 NAT, or a container's host.
    """

    bind: tuple[str, ...]
    public: Mapping[int, str] = field(default_factory=dict)
    ports: UdpPorts = field(default_factory=UdpPorts, compare=False)

    @classmethod
    def choose(
        cls,
        public_addresses: Sequence[str],
        local_only: bool,
        interfaces: Sequence[str] = (),
        ports: UdpPorts | None = None,
    ) -> MediaAddresses:
        """Addresses for the settings ``PUBLIC_ADDRESS`` and ``MEDIA_INTERFACES``.

        :param public_addresses: those of this machine itself are bound (which is how loopback alone
            is asked for); the first other one of each IP version is announced in place of the
            machine's own of that version. None: all that may be used are bound.
        :param local_only: the gateway listens on loopback only, so loopback is offered as well.
        :param interfaces: the machine's own addresses that may be used at all, as
            :class:`InterfaceFilter` reads them; loopback is one of them only if it is let through,
            whatever ``local_only`` says. None: all but loopback.
        :raises NoMediaAddress: ``interfaces`` lets nothing through, or not what
            ``public_addresses`` asks for.
        :raises ValueError: not an IP address.
        """
        own = own_addresses()
        here = [each.address for each in own]
        usable = _usable(own, interfaces)
        listed = [ipaddress.ip_address(address) for address in public_addresses]
        bind = [address for address in listed if address.is_loopback or address in here]
        public: dict[int, str] = {a.version: str(a) for a in reversed(listed) if a not in bind}
        if interfaces:
            _require_agreement(interfaces, usable, bind, public)
        outward = {address.version for address in bind if not address.is_loopback}
        behind = public.keys() - outward
        loopback_too = local_only and not bind
        bind += [address for address in usable if not listed or address.version in behind]
        if not interfaces and (loopback_too or not bind):
            bind += [address for address in here if address.is_loopback] or [_LOOPBACK]
        return cls(tuple(dict.fromkeys(map(str, bind))), public, ports or UdpPorts())

    def announced(self, address: str) -> str:
        """What a peer is told for a bound address."""
        bound = ipaddress.ip_address(address)
        return address if bound.is_loopback else self.public.get(bound.version, address)

    @property
    def loopback_only(self) -> bool:
        """Whether no bound address reaches beyond this machine."""
        return all(ipaddress.ip_address(address).is_loopback for address in self.bind)


def _usable(own: Sequence[OwnAddress], interfaces: Sequence[str]) -> list[IpAddress]:
    if not interfaces:
        return [each.address for each in own if not each.address.is_loopback]
    admits = InterfaceFilter(interfaces).admits
    usable = [each.address for each in own if admits(each)]
    if not usable:
        raise NoMediaAddress(
            f"{_setting(interfaces)}: none of this machine's addresses is let through "
            f"({listing(own)})"
        )
    return usable


def _require_agreement(
    interfaces: Sequence[str],
    usable: Sequence[IpAddress],
    bind: Sequence[IpAddress],
    public: Mapping[int, str],
) -> None:
    """What ``PUBLIC_ADDRESS`` asks for must be let through, or it would not be done in silence."""
    outward = {address.version for address in usable if not address.is_loopback}
    # Any address of 127.0.0.0/8 can be bound, while the interface has but one.
    loopback = any(address.is_loopback for address in usable)
    for address in bind:
        if address not in usable and not (address.is_loopback and loopback):
            raise NoMediaAddress(
                f"{_setting(interfaces)}: leaves out {address}, which PUBLIC_ADDRESS asks for"
            )
    for version, announced in public.items():
        if version not in outward:
            raise NoMediaAddress(
                f"{_setting(interfaces)}: leaves no IPv{version} address "
                f"that {announced} of PUBLIC_ADDRESS could stand for"
            )


def _setting(interfaces: Sequence[str]) -> str:
    return f"MEDIA_INTERFACES={','.join(interfaces)}"
