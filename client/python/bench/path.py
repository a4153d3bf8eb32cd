"""A network path that loses, delays and reorders packets by a `Profile`: seeded, sans-IO."""

from __future__ import annotations

import random

from client.python.bench.profile import Profile

DETOUR_SECONDS = 0.025
"""How much longer a reordered packet takes: more than one packet interval, less than two."""


class LossyPath:
    """One direction of one call's network. Tells when each packet arrives; holds none."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._random = random.Random(seed)
        self._jitter = profile.jitter_ms / 1000
        self._reorder = profile.reorder
        self._loss = profile.loss
        # Gilbert's two states: the chances that enter and leave the bad one so that it holds the
        # asked share of packets in runs of the asked mean.
        self._leave = 1 / profile.burst
        self._enter = self._leave * self._loss / (1 - self._loss)
        # Runs of one packet would forbid two losses in a row: then each is a throw of its own.
        self._independent = profile.burst == 1.0
        self._losing = False
        self._queue_free_at = 0.0

    def arrival(self, now: float) -> float | None:
        """When a packet sent at `now` (seconds) arrives; None: never."""
        if self._loses():
            return None
        arrival = now + self._random.uniform(0, self._jitter) if self._jitter else now
        # Jitter is a queue, which keeps the order; a detour goes around it.
        arrival = max(arrival, self._queue_free_at)
        if self._reorder and self._random.random() < self._reorder:
            return arrival + DETOUR_SECONDS
        self._queue_free_at = arrival
        return arrival

    def _loses(self) -> bool:
        if not self._loss:
            return False
        if self._independent:
            return self._random.random() < self._loss
        if self._losing:
            self._losing = self._random.random() >= self._leave
        else:
            self._losing = self._random.random() < self._enter
        return self._losing
