"""Those that look on at a gateway, put together: metrics, health, traces."""

from __future__ import annotations

import os
from collections.abc import Sequence

from aiohttp import web

from signaling.health import Health
from signaling.metrics.page import MetricsDoor
from signaling.traces import traces_of
from signaling.watched import Watched


class Observing:
    """Looks on at ``watched`` from now on, until :meth:`close`."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._metrics = MetricsDoor(watched)
        self._traces = traces_of(os.environ)
        self.health = Health(watched)
        watched.sessions.observe += [self._metrics.observe, self.health.model.observe]
        if self._traces is not None:
            watched.sessions.observe.append(self._traces.observe)
        watched.lag.start()

    def routes(self) -> Sequence[web.RouteDef]:
        return self._metrics.routes()

    async def close(self) -> None:
        """Look no more; the sessions have ended."""
        self._watched.lag.close()
        if self._traces is not None:
            await self._traces.close()
