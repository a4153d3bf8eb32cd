"""``GET /health``: whether the gateway is well, and if not, which part of it is ill."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.core.events import ErrorCode, Failed, SessionEvent, Status, StatusChanged
from gateway.core.observer import CallFacts
from gateway.recording.recorder import Recorder
from signaling.version import VERSION
from signaling.watched import Watched

REMEMBERED: Final = 60.0
"""Seconds for which what went wrong is told, unless it goes right again."""

LATE: Final = 0.1
"""Seconds of event-loop lag, as its 99th percentile, that callers hear."""

LEAST_LAGS: Final = 200
"""Moments by which the loop can be judged: ten seconds of them."""

LEAST_FREE: Final = 256 << 20
"""Bytes of the recordings' disk: three quarters of an hour of one call as WAV."""

DISK_PATIENCE: Final = 1.0
"""Seconds that the recordings' disk has to say how full it is."""

_ILL_TRUNKS: Final = frozenset({"failed", "down"})


@dataclass(frozen=True, slots=True)
class Part:
    """How one part stands.

    :ivar shown: of it; None: nothing, it is not there.
    """

    ill: bool = False
    shown: Any = None


class ModelHealth:
    """What calls found out about their models: an observer of all of them."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._failed_at: float | None = None

    def observe(self, facts: CallFacts) -> ModelHealth:
        """A session is opened."""
        return self

    def on_session_event(self, event: SessionEvent, now: float) -> None:
        match event:
            case StatusChanged(Status.CONNECTED):
                self._failed_at = None
            case Failed(ErrorCode.UPSTREAM_UNAVAILABLE):
                self._failed_at = now

    def part(self, now: float) -> Part:
        """``connected``, ``unreachable``, or ``idle``: nobody has asked for it."""
        sessions, embedded = self._watched.sessions, self._watched.embedded
        failed = self._failed_at is not None and (
            len(sessions) > 0 or now - self._failed_at < REMEMBERED
        )
        gone = embedded is not None and embedded.pid is None
        state = "unreachable" if failed or gone else sessions.model_state
        return Part(failed or gone, {"url": self._watched.model_url, "state": state})


@dataclass(slots=True)
class DiskHealth:
    """The recorder's disk.

    :ivar lost: samples that it had not taken when it was last asked about.
    """

    recorder: Recorder
    lost: int = 0
    lost_at: float | None = None

    async def part(self, now: float) -> Part:
        stats = self.recorder.stats
        lost = stats.lost_samples + stats.dropped_samples
        if lost > self.lost:
            self.lost, self.lost_at = lost, now
        free = await _free(self.recorder.settings.root)
        losing = self.lost_at is not None and now - self.lost_at < REMEMBERED
        ill = losing or free is None or free < LEAST_FREE or not self.recorder.is_running
        shown = {"recording": stats.live, "queuedBytes": stats.queued_bytes, "freeBytes": free}
        return Part(ill, {**shown, "losing": losing})


async def _free(root: Path) -> int | None:
    """Bytes; None: the disk does not say."""
    try:
        async with asyncio.timeout(DISK_PATIENCE):
            return (await asyncio.to_thread(shutil.disk_usage, root)).free
    except (OSError, TimeoutError):
        return None


class Health:
    """The report of one gateway."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._started = time.monotonic()
        self._clock = asyncio.get_running_loop().time
        self.model = ModelHealth(watched)
        self._disk = DiskHealth(watched.recorder) if watched.recorder is not None else None
        self._parts: dict[str, Callable[[float], Part] | Callable[[float], Awaitable[Part]]] = {
            "model": self.model.part,
            "sip": self._sip,
            "trunks": self._trunks,
            "recorder": self._recorder,
            "redis": self._redis,
            "eventLoop": self._loop,
        }

    async def report(self) -> dict[str, Any]:
        """As it is served: ``status`` is ``ok``, ``degraded``, with the ill parts under that name,
        or ``draining``.
        """
        now, sessions = self._clock(), self._watched.sessions
        shown: dict[str, Any] = {}
        ill: list[str] = []
        for name, look in self._parts.items():
            part = look(now)
            if not isinstance(part, Part):
                part = await part
            if part.shown is not None:
                shown[name] = part.shown
            if part.ill:
                ill.append(name)
        status = "draining" if sessions.draining else "degraded" if ill else "ok"
        return {
            "status": status,
            "version": VERSION,
            "uptimeSeconds": round(time.monotonic() - self._started, 1),
            "sessions": len(sessions),
            **shown,
            **({"degraded": ill} if ill else {}),
        }

    def _sip(self, now: float) -> Part:
        sip = self._watched.sip
        if sip is None or not sip.addresses:
            return Part()
        listening = [str(address) for address in sip.addresses]
        stats = sip.stats
        return Part(
            not sip.is_listening,
            {
                "listening": listening,
                "calls": stats.calls,
                "registrations": stats.registrations,
            },
        )

    def _trunks(self, now: float) -> Part:
        states = dict(self._watched.sip.trunks.states) if self._watched.sip is not None else {}
        return Part(not _ILL_TRUNKS.isdisjoint(states.values()), states or None)

    async def _recorder(self, now: float) -> Part:
        return await self._disk.part(now) if self._disk is not None else Part()

    def _redis(self, now: float) -> Part:
        cluster = self._watched.cluster
        if cluster is None:
            return Part()
        up, shares = cluster.link.is_up, cluster.shares_secret
        clients = {"clientsAway": len(cluster.away), "visitors": len(cluster.visitors or ())}
        return Part(not (up and shares), {"connected": up, "sharesSecret": shares, **clients})

    def _loop(self, now: float) -> Part:
        count = self._watched.lag.count
        (lag,) = count.recent([0.99])
        judged = sum(count.counts) >= LEAST_LAGS
        return Part(judged and lag > LATE, {"lagP99Ms": round(1000 * lag, 1)})
