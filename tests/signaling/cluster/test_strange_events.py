"""Events that no client should send, from clients whose session is at another gateway.

``FUZZ_PAYLOADS=10000`` in the environment for more than there is time for each day.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.gateways import running_gateway
from tests.payloads import made
from tests.redis_server import RedisServer, needs_redis
from tests.signaling.callers import Caller
from tests.signaling.test_strange_payloads import burst
from tests.stand_in import StandIn

pytestmark = needs_redis

COUNT = int(os.environ.get("FUZZ_PAYLOADS", "500")) // 2
RATES: dict[str, Any] = {"call_rate": "100000/1000000", "request_rate": "100000/1000000"}


@pytest.mark.timeout(60 + COUNT // 10)
async def test_whatever_is_sent_is_answered_and_harms_nobody(
    model: StandIn, redis: RedisServer, capfd: pytest.CaptureFixture[str]
) -> None:
    # Making them takes a while in which nobody would answer a ping.
    events = made(COUNT)
    settings = {"redis_url": redis.url, **RATES}
    async with (
        running_gateway(model.url, **settings) as here,
        running_gateway(model.url, **settings) as there,
        Caller(here.url) as stranger,
    ):
        await stranger.join()
        assert here.cluster is not None
        assert there.cluster is not None

        async def join(caller: Caller) -> None:
            async with Caller(here.url) as first:
                joined = await first.join()
            assert (await caller.resume(joined))["ok"]

        good = await burst(there.url, events, join)
        assert good > COUNT // 20
        assert here.cluster.link.is_up
        assert there.cluster.link.is_up
        assert (await stranger.ask("send_text", "Still here."))["ok"]
        assert not stranger.ended.is_set()
    log = "".join(capfd.readouterr())
    assert "Traceback" not in log
    assert "[error" not in log
    assert "cannot be read" not in log
