"""A lossy, jittery network in virtual time: packets come late, twice, out of order, or never.

Sans-IO and seeded, so that a failing run can be run again. Packets are any objects: RTP packets
or raw datagrams.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Packet = TypeVar("Packet")


@dataclass(slots=True)
class NetworkStats:
    """Packets: ``delivered == sent - lost + duplicated`` once all have arrived."""

    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    delivered: int = 0


class VirtualNetwork(Generic[Packet]):
    """One direction of a path.

    Jitter alone keeps the order, as a queue in a router does; a reordered packet leaves the queue
    and takes another way.

    :param loss: share of packets lost, 0 to 1.
    :param burst: mean length in packets of a run of losses (Gilbert's two-state model), at least
        ``1 / (1 - loss)``; None: losses are independent.
    :param jitter_ms: mean of the exponential delay added to ``delay_ms``.
    :param reorder: share of packets that take up to ``reorder_ms`` longer and may be overtaken.
    :param duplicate: share of packets that arrive a second time, up to ``reorder_ms`` later.
    :param drift_ppm: how much slower the sender's clock runs than the receiver's.
    """

    def __init__(
        self,
        seed: int,
        *,
        loss: float = 0.0,
        burst: float | None = None,
        jitter_ms: float = 0.0,
        reorder: float = 0.0,
        reorder_ms: float = 40.0,
        duplicate: float = 0.0,
        delay_ms: float = 0.0,
        drift_ppm: float = 0.0,
    ) -> None:
        self.stats = NetworkStats()
        self._random = random.Random(seed)
        self._loss = loss
        self._burst = burst
        self._jitter = jitter_ms / 1000
        self._reorder = reorder
        self._reorder_delay = reorder_ms / 1000
        self._duplicate = duplicate
        self._delay = delay_ms / 1000
        self._clock = 1 + drift_ppm / 1e6
        self._losing = False
        self._queue_free_at = 0.0
        self._in_flight: list[tuple[float, int, Packet]] = []
        self._order = 0

    @property
    def next_arrival(self) -> float | None:
        """Receiver's time of the next arrival; None when nothing is in flight."""
        return self._in_flight[0][0] if self._in_flight else None

    def send(self, packet: Packet, now: float) -> None:
        """Send at ``now`` seconds of the sender's clock."""
        self.stats.sent += 1
        if self._is_lost():
            self.stats.lost += 1
            return
        arrival = self._arrival(now)
        self._put(arrival, packet)
        if self._random.random() < self._duplicate:
            self.stats.duplicated += 1
            self._put(arrival + self._random.uniform(0, self._reorder_delay), packet)

    def deliver(self, until: float) -> Iterator[tuple[float, Packet]]:
        """Take out what arrived by ``until`` (receiver's clock), as ``(arrival, packet)``."""
        while self._in_flight and self._in_flight[0][0] <= until:
            arrival, _, packet = heapq.heappop(self._in_flight)
            self.stats.delivered += 1
            yield arrival, packet

    def _is_lost(self) -> bool:
        if self._burst is None or not 0 < self._loss < 1:
            return self._random.random() < self._loss
        # Good and bad spells whose lengths give the asked share and mean run.
        leave_bad = 1 / self._burst
        enter_bad = leave_bad * self._loss / (1 - self._loss)
        if self._losing:
            self._losing = self._random.random() >= leave_bad
        else:
            self._losing = self._random.random() < enter_bad
        return self._losing

    def _arrival(self, now: float) -> float:
        arrival = now * self._clock + self._delay
        if self._jitter:
            arrival += self._random.expovariate(1 / self._jitter)
        if self._random.random() < self._reorder:
            self.stats.reordered += 1
            return arrival + self._random.uniform(0, self._reorder_delay)
        self._queue_free_at = max(self._queue_free_at, arrival)
        return self._queue_free_at

    def _put(self, arrival: float, packet: Packet) -> None:
        heapq.heappush(self._in_flight, (arrival, self._order, packet))
        self._order += 1
