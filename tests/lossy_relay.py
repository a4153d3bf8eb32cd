"""A bad path on loopback: a UDP relay between a browser and the gateway, which drops and delays.

The browser is given the relay's port in the place of the gateway's, and the gateway learns the
relay's from its checks; so all of a call passes here, both ways.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from gateway.core.rtp import is_rtcp

LOOPBACK = "127.0.0.1"


def never(number: int) -> bool:
    return False


def every(count: int) -> Callable[[int], bool]:
    """A rule that drops one packet in so many, evenly spread."""
    return lambda number: number % count == count - 1


@dataclass
class Direction:
    """RTP one way. ``drops`` is asked for each packet, with its number from 0.

    :ivar jitter: seconds; each packet waits up to so long, and stays in order.
    """

    drops: Callable[[int], bool] = never
    jitter: float = 0.0
    packets: int = 0
    dropped_at: list[float] = field(default_factory=list)
    """``time.time()``."""

    _random: random.Random = field(default_factory=lambda: random.Random(1))
    _free_at: float = 0.0

    def arrival(self, datagram: bytes, now: float) -> float | None:
        """When a datagram sent ``now`` arrives; None: never. RTCP, DTLS and STUN pass at once."""
        if not 127 < datagram[0] < 192 or is_rtcp(datagram):
            return now
        number, self.packets = self.packets, self.packets + 1
        if self.drops(number):
            self.dropped_at.append(time.time())
            return None
        self._free_at = max(self._free_at, now + self._random.uniform(0, self.jitter))
        return self._free_at


class _Side(asyncio.DatagramProtocol):
    """One socket: passes what comes in to the other one, and remembers who sent it."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self.transport: asyncio.DatagramTransport | None = None
        self.other: _Side | None = None
        self.peer: tuple[str, int] | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.peer = addr
        assert self.other is not None
        loop = asyncio.get_running_loop()
        arrival = self._direction.arrival(data, loop.time())
        if arrival is not None:
            loop.call_at(arrival, self.other.send, data)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        if self.peer is not None and not self.transport.is_closing():
            self.transport.sendto(data, self.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


class LossyRelay:
    """``up``: from the browser to the gateway; ``down``: to the browser."""

    def __init__(self) -> None:
        self.up, self.down = Direction(), Direction()
        self._browser, self._gateway = _Side(self.up), _Side(self.down)
        self._browser.other, self._gateway.other = self._gateway, self._browser

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        for side in (self._browser, self._gateway):
            await loop.create_datagram_endpoint(lambda side=side: side, local_addr=(LOOPBACK, 0))

    async def close(self) -> None:
        for side in (self._browser, self._gateway):
            assert side.transport is not None
            side.transport.close()
            await side.closed.wait()

    def divert(self, answer: str) -> str:
        """The gateway's SDP answer, with the relay in its place."""
        assert self._browser.transport is not None
        found = re.search(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host", answer)
        assert found is not None, answer
        self._gateway.peer = (LOOPBACK, int(found[1]))
        port: int = self._browser.transport.get_extra_info("sockname")[1]
        return answer.replace(f" {found[1]} typ host", f" {port} typ host")


@contextlib.asynccontextmanager
async def lossy_relay() -> AsyncIterator[LossyRelay]:
    relay = LossyRelay()
    await relay.open()
    try:
        yield relay
    finally:
        await relay.close()
