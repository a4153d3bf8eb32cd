"""ICE on a loopback address, for gateways on this machine.

aioice never offers 127.0.0.1: a browser may not either, but a client that reaches its gateway
through a loopback address has no reason to send media past it. Of one connection, and only of that
one, the list of addresses that candidates are gathered on is replaced; nothing global changes.

Private name, read in aiortc 1.16: `RTCIceGatherer._connection`. Its
`aioice.Connection.get_component_candidates(component, addresses, timeout)` is public (0.13).
"""

import ipaddress
from urllib.parse import urlsplit

from aioice import Candidate, Connection
from aiortc import RTCIceGatherer


def loopback_address(url: str) -> str | None:
    """The loopback address that `url`'s host is (or `localhost` means), else None."""
    host = urlsplit(url).hostname
    if host == "localhost":
        return "127.0.0.1"
    try:
        return host if host and ipaddress.ip_address(host).is_loopback else None
    except ValueError:
        return None


def gather_only_on(gatherer: RTCIceGatherer, address: str) -> None:
    """Make `gatherer`, which has not gathered yet, take host candidates on `address` alone."""
    connection: Connection = gatherer._connection
    gather = connection.get_component_candidates

    async def on_one_address(
        component: int,
        addresses: list[str],
        timeout: int = 5,
    ) -> list[Candidate]:
        return await gather(component, [address], timeout)

    # setattr, because a type checker rightly refuses to see a method replaced by assignment.
    setattr(connection, gather.__name__, on_one_address)
