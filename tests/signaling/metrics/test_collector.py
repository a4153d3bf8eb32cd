"""What is read off a gateway when the page is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from prometheus_client import CollectorRegistry

from gateway.session_depths import QUEUES
from signaling.app import Gateway
from signaling.metrics.collector import GatewayCollector
from tests.signaling.callers import Caller
from tests.stand_in import StandIn


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


async def test_what_was_refused_counts(gateway: Gateway) -> None:
    registry = registry_of(gateway)
    assert gateway._observing is not None
    rates = gateway._observing._watched.rates
    while rates.take("192.0.2.1", 0.0):
        pass
    assert value(registry, "rate_limited_total", {"kind": "http"}) == 1
