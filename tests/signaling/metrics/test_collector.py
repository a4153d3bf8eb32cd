"""What is read off a gateway when the page is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import aiohttp
from prometheus_client import CollectorRegistry

from gateway.session_depths import QUEUES
from signaling.app import Gateway
from signaling.metrics.collector import GatewayCollector
from tests.gateways import running_gateway
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

NOBODY = "ws://127.0.0.1:9"
NEVER = 0.001
"""Tokens a second: none comes back while the test runs."""


def registry_of(gateway: Gateway) -> CollectorRegistry:
    assert gateway._observing is not None
    registry = CollectorRegistry()
    registry.register(GatewayCollector(gateway._observing._watched))
    return registry


def value(registry: CollectorRegistry, name: str, labels: Mapping[str, str]) -> float | None:
    return registry.get_sample_value(f"talkpath_{name}", dict(labels))


async def test_sessions_and_what_waits_in_their_queues(gateway: Gateway, model: StandIn) -> None:
    registry = registry_of(gateway)
    assert value(registry, "sessions", {"door": "socketio"}) is None
    async with Caller(gateway.url) as ann, Caller(gateway.url) as bob:
        for caller in (ann, bob):
            await caller.join()
            await caller.reach_model()
        assert gateway.sessions is not None
        for session, lines in zip(gateway.sessions, (1, 3), strict=True):
            for _ in range(lines):
                session.parts.conversation.request_response()
        waiting = {"queue": "responses"}
        assert value(registry, "sessions", {"door": "socketio"}) == 2
        # The first one of each is not waiting.
        assert value(registry, "queue_depth", waiting) == 2
        assert value(registry, "queue_depth_max", waiting) == 2
        assert value(registry, "queue_limit", waiting) == QUEUES["responses"].limit


async def test_the_classes_of_the_lag_add_up(gateway: Gateway) -> None:
    registry = registry_of(gateway)
    assert gateway._observing is not None
    count = gateway._observing._watched.lag.count
    for lag in (0.0, 0.004, 0.04, 30.0):
        count._add(lag)
    lags = next(m for m in registry.collect() if m.name == "talkpath_event_loop_lag_seconds")
    classes = [s.value for s in lags.samples if s.name.endswith("_bucket")]
    assert all(a <= b for a, b in pairwise(classes))
    assert classes[-1] == classes[-2] + 1 == sum(count.counts)


async def test_what_was_refused_counts() -> None:
    async with (
        running_gateway(NOBODY, request_rate=(NEVER, 3), call_rate=(NEVER, 1)) as gateway,
        aiohttp.ClientSession(gateway.url) as http,
    ):
        registry = registry_of(gateway)
        statuses, counts = [], []
        # The second is one call too many, the fourth and fifth are requests too many.
        for path in ("/sip/ice-servers", "/sip/ice-servers", "/health", "/health", "/socket.io/"):
            async with http.get(path) as answer:
                statuses.append(answer.status)
            counts.append(value(registry, "rate_limited_total", {"kind": "http"}))
    assert statuses == [200, 429, 200, 429, 429]
    assert counts == [0, 1, 1, 2, 3]
