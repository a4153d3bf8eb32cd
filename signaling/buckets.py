"""What one address, or one user, may ask for: a token bucket for each."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

MAX_KEYS: Final = 10_000
"""Addresses, or users, remembered. Those not heard of for longest go first, and begin anew with a
full bucket.
"""

_IPV6_SITE: Final = 64
"""Bits of an IPv6 address that its owner did not choose."""


class Buckets:
    """``rate`` tokens a second for each, ``burst`` at most.

    >>> calls = Buckets(rate=1.0, burst=2)
    >>> [calls.take("192.0.2.1", now=0.0) for _ in range(3)]
    [True, True, False]
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.refused = 0
        """What there was no token for."""

    def take(self, host: str, now: float) -> bool:
        """Take a token for what came from ``host``; False: there is none."""
        return self._take(host_key(host), now)

    def take_of(self, name: str, now: float) -> bool:
        """The same for what is known by a name, be it written like an address."""
        return self._take(name_key(name), now)

    def is_overdrawn(self, key: str, now: float) -> bool:
        """Whether more was spent than there was, and not enough time has passed.

        :param key: of :func:`host_key` or :func:`name_key`.
        """
        overdrawn = self._level(key, now) < 0.0
        self.refused += overdrawn
        return overdrawn

    def spend(self, key: str, tokens: float, now: float) -> None:
        """Take what it cost, though there be less: then it is overdrawn."""
        self._set(key, self._level(key, now) - tokens, now)

    def _take(self, key: str, now: float) -> bool:
        level = self._level(key, now)
        taken = level >= 1.0
        self.refused += not taken
        self._set(key, level - 1.0 if taken else level, now)
        return taken

    def _level(self, key: str, now: float) -> float:
        level, at = self._levels.get(key, (self._burst, now))
        return min(self._burst, level + (now - at) * self._rate)

    def _set(self, key: str, level: float, now: float) -> None:
        self._levels[key] = level, now
        self._levels.move_to_end(key)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)


def name_key(name: str) -> str:
    """The bucket of what is known by a name."""
    return f"name {name}"


def host_key(host: str) -> str:
    """The bucket of an address."""
    if ":" not in host:
        return host
    address = ipaddress.ip_network(f"{host.partition('%')[0]}/{_IPV6_SITE}", strict=False)
    return str(address.network_address)
