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
        return self.take_of(_site(host), now)

    def take_of(self, key: str, now: float) -> bool:
        """The same for what is known by another name than an address."""
        level, at = self._levels.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        taken = level >= 1.0
        self.refused += not taken
        self._levels[key] = (level - 1.0 if taken else level, now)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)
        return taken


def _site(host: str) -> str:
    if ":" not in host:
        return host
    address = ipaddress.ip_network(f"{host.partition('%')[0]}/{_IPV6_SITE}", strict=False)
    return str(address.network_address)
