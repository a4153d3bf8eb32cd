"""``GET /metrics``: the Prometheus text format, or OpenMetrics to whoever asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from gateway.core.observer import CallFacts
from signaling.metrics.calls import CallMetrics
from signaling.metrics.collector import GatewayCollector
from signaling.metrics.families import Families
from signaling.watched import Watched


class MetricsDoor:
    """The metrics of one gateway, counted from now on."""

    def __init__(self, watched: Watched) -> None:
        # A time stamp for each counter would double the page, and tells nothing of use.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._families = Families(self._registry)
        self._registry.register(GatewayCollector(watched))
        ProcessCollector(registry=self._registry)

    def routes(self) -> Sequence[web.RouteDef]:
        return [web.get("/metrics", self._page)]

    def observe(self, facts: CallFacts) -> CallMetrics:
        """A session is opened."""
        return CallMetrics(self._families, facts)

    async def _page(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(
            body=encode(self._registry),
            headers={"Content-Type": content_type, "Cache-Control": "no-store"},
        )
