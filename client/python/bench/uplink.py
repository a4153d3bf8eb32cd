"""What reached the model of one call: how late its probes came, and how much of its time line."""

from __future__ import annotations

import numpy as np

from client.python.bench.probes import Burst, BurstDetector
from client.python.bench.staircase import StaircaseReader
from client.python.bench.track import RATE


class UplinkMeter:
    """Joins the probes that a caller sent with the bursts in what was appended. Seconds of one
    clock."""

    def __init__(self) -> None:
        self.samples = 0
        """Appended so far, at `RATE`."""
        self.appends = 0
        self.first_append_at: float | None = None
        self.probes: list[tuple[float, float]] = []
        """(sent at, latency) of the probes whose packet arrived and which were heard."""
        self.missed: list[float] = []
        """When the probes were sent whose packet arrived and which were never heard."""
        self.staircase: StaircaseReader | None = None
        self._heard_until = 0.0
        self._pending: dict[int, tuple[float, bool]] = {}
        self._detector = BurstDetector(RATE)

    def probe_sent(self, tone: int, at: float, lost: bool) -> None:
        """The packet in which the burst of `tone` starts was sent, or taken by the network."""
        forgotten = self._pending.get(tone)
        self._pending[tone] = (at, lost)
        if forgotten is not None and not forgotten[1]:
            self.missed.append(forgotten[0])

    def appended(self, pcm: bytes, at: float) -> None:
        """PCM16 mono at `RATE` reached the model."""
        samples = np.frombuffer(pcm, dtype="<i2")
        if self.first_append_at is None:
            self.first_append_at = at
        self.appends += 1
        self.samples += len(samples)
        if self.staircase is not None:
            self.staircase.feed(samples, at)
        burst = self._detector.feed(samples, at)
        if burst is not None:
            self._join(burst)

    def _join(self, burst: Burst) -> None:
        sent_at, lost = self._pending.get(burst.tone, (0.0, True))
        # Audio keeps its order: a burst that should be older than the last one was misheard.
        if sent_at <= self._heard_until:
            return
        del self._pending[burst.tone]
        self._heard_until = sent_at
        if not lost:
            self.probes.append((sent_at, burst.at - sent_at))

    def unheard(self, sent_before: float) -> list[float]:
        """When the probes were sent that arrived and were not heard (yet)."""
        waiting = [at for at, lost in self._pending.values() if not lost and at < sent_before]
        return self.missed + waiting
