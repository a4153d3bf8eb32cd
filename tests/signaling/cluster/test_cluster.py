"""What gateways at one Redis have in common."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.config import SettingsError
from signaling.app import Gateway
from signaling.cluster.cluster import Cluster
from tests.gateways import loopback_settings, running_gateway
from tests.redis_server import RedisServer, needs_redis, running_redis
from tests.signaling.callers import Caller, until
from tests.signaling.cluster.ends import redis_client
from tests.stand_in import StandIn

LONG = "Be brief. " * 1_000


async def test_a_gateway_without_a_redis_is_alone() -> None:
    assert await Cluster.join(loopback_settings("ws://127.0.0.1:1/")) is None


async def test_a_redis_that_is_not_there_stops_the_start() -> None:
    settings = loopback_settings("ws://127.0.0.1:1/", redis_url="redis://:secret@127.0.0.1:1/0")
    with pytest.raises(SettingsError) as caught:
        await Cluster.join(settings)
    assert str(caught.value).startswith("REDIS_URL=redis://127.0.0.1: ")
    assert "secret" not in str(caught.value)


async def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    monkeypatch.delitem(sys.modules, "signaling.cluster.redis_link", raising=False)
    settings = loopback_settings("ws://127.0.0.1:1/", redis_url="redis://127.0.0.1:1")
    with pytest.raises(SettingsError, match=r"pip install 'talkpath\[redis\]'"):
        await Cluster.join(settings)


@needs_redis
@pytest.mark.parametrize("secret", [None, "a secret of at least thirty-two bytes"])
@pytest.mark.parametrize("instructions", ["Be brief.", LONG], ids=["short", "long"])
async def test_a_key_of_one_opens_calls_at_the_other(
    model: StandIn, redis: RedisServer, secret: str | None, instructions: str
) -> None:
    from signaling.caller import Scope
    from signaling.tokens import SecretTokens

    settings: dict[str, Any] = {"redis_url": redis.url}
    headers = {}
    if secret is not None:
        settings["auth_secret"] = secret
        token = SecretTokens(secret).mint("backend", frozenset({Scope.CALL}), 60)
        headers = {"Authorization": f"Bearer {token}"}
    async with (
        running_gateway(model.url, **settings) as here,
        running_gateway(model.url, **settings) as there,
        aiohttp.ClientSession(here.url, headers=headers) as http,
    ):
        wanted = {"session": {"type": "realtime", "instructions": instructions}}
        async with http.post("/v1/realtime/client_secrets", json=wanted) as minted:
            key = (await minted.json())["value"]
        async with Caller(there.url, token=key) as caller:
            await caller.join()
            await caller.reach_model()
            sent = await (await model.line()).wait_for("session.update")
            assert instructions.strip() in sent["session"]["instructions"]


@needs_redis
async def test_a_long_key_without_redis_is_neither_minted_nor_opened(model: StandIn) -> None:
    wanted = {"session": {"type": "realtime", "instructions": LONG}}
    with running_redis() as redis:
        async with (
            running_gateway(model.url, redis_url=redis.url) as gateway,
            aiohttp.ClientSession(gateway.url) as http,
        ):
            async with http.post("/v1/realtime/client_secrets", json=wanted) as minted:
                key = (await minted.json())["value"]
            redis.stop()
            async with http.post("/v1/realtime/client_secrets", json=wanted) as refused:
                assert (await refused.json())["error"]["code"] == "upstream_unavailable"
            async with http.post("/v1/realtime/client_secrets", json={}) as minted:
                assert minted.status == 200, "a short one needs no Redis"
            async with Caller(gateway.url, token=key) as caller:
                refused_join = await caller.ask("join_session", {})
                assert refused_join["error"]["code"] == "upstream_unavailable"


@needs_redis
async def test_health_tells_of_redis_and_metrics_of_its_lines(model: StandIn) -> None:
    with running_redis() as redis:
        async with (
            running_gateway(model.url, redis_url=redis.url) as here,
            running_gateway(model.url, redis_url=redis.url) as there,
            aiohttp.ClientSession(there.url) as http,
        ):
            async with Caller(here.url) as caller:
                joined = await caller.join()
            async with Caller(there.url) as again:
                await again.resume(joined)
                async with http.get("/health") as answer:
                    health = await answer.json()
                    assert health["redis"] == {
                        "connected": True,
                        "sharesSecret": True,
                        "clientsAway": 1,
                        "visitors": 0,
                    }
                    assert health["status"] == "ok"
                async with http.get("/metrics") as page:
                    text = await page.text()
                assert "talkpath_redis_up 1.0" in text
                assert 'talkpath_queue_depth{queue="redis_messages"} 0.0' in text
                assert 'talkpath_relayed_clients{end="client"} 1.0' in text
            redis.stop()
            assert there.cluster is not None
            await until(lambda: not there.cluster.link.is_up)
            async with http.get("/health") as answer:
                health = await answer.json()
                assert health["degraded"] == ["redis"]
                assert not health["redis"]["connected"]
            async with http.get("/ready") as answer:
                assert answer.status == 200, "it takes calls"


@needs_redis
@pytest.mark.parametrize("secret", [None, "a secret of at least thirty-two bytes"])
async def test_health_tells_of_another_secret_in_redis(
    model: StandIn, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setattr("signaling.cluster.redis_link.KNOWN_EVERY", 0.01)
    settings: dict[str, Any] = {} if secret is None else {"auth_secret": secret}
    async with (
        running_gateway(model.url, redis_url=redis.url, **settings) as gateway,
        redis_client(redis) as client,
        aiohttp.ClientSession(gateway.url) as http,
    ):
        await client.set("talkpath:secret", b"of whoever came first after it was emptied")
        assert gateway.cluster is not None
        link = gateway.cluster.link
        await until(lambda: link.is_split)
        async with http.get("/health") as answer:
            health = await answer.json()
        assert health["redis"]["sharesSecret"] == (secret is not None), health
        assert health.get("degraded") == (["redis"] if secret is None else None)
        await client.delete("talkpath:secret")


@needs_redis
async def test_gateways_of_different_secrets_hear_nothing_of_each_other(
    model: StandIn, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signaling.caller import Scope
    from signaling.tokens import SecretTokens

    monkeypatch.setattr("signaling.cluster.away.EVENT_TIMEOUT", 0.1)
    monkeypatch.setattr("signaling.cluster.http_relay.LIST_TIMEOUT", 0.1)
    secrets = [f"the secret of gateway {number}, thirty-two bytes" for number in (1, 2)]
    own, others = [SecretTokens(each).mint("ann", frozenset(Scope), 60) for each in secrets]
    async with (
        running_gateway(model.url, redis_url=redis.url, auth_secret=secrets[0]) as here,
        running_gateway(model.url, redis_url=redis.url, auth_secret=secrets[1]) as there,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {others}"}) as http,
    ):
        async with Caller(here.url, token=own) as caller:
            joined = await caller.join()
            async with Caller(there.url, token=others) as again:
                refused = await again.resume(joined)
                assert refused["error"]["code"] == "upstream_unavailable"
            assert await caller.ask("interrupt") == {"ok": True}, "it keeps its session"
        async with http.get(f"{there.url}/api/sessions") as answer:
            assert here.cluster is not None
            assert await answer.json() == {"sessions": [], "silent": [here.cluster.place.name]}


@needs_redis
async def test_calls_are_recorded_as_ever(
    model: StandIn, redis: RedisServer, tmp_path: Path
) -> None:
    settings = {"redis_url": redis.url, "record_dir": tmp_path}
    async with (
        running_gateway(model.url, **settings) as gateway,
        aiohttp.ClientSession(gateway.url) as http,
    ):
        async with Caller(gateway.url) as caller:
            joined = await caller.join()
            await caller.ask("send_audio", bytes(4_800), "pcm16")
            assert (await caller.ask("disconnect_session"))["ok"]
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(10):
            while not found or "endedAt" not in found[0]:
                async with http.get("/api/recordings") as listed:
                    found = (await listed.json())["recordings"]
        assert [each["sessionId"] for each in found] == [joined["sessionId"]]
        async with http.delete(f"/api/recordings/{joined['sessionId']}") as deleted:
            assert deleted.status == 204
        async with http.get("/api/recordings") as listed:
            assert not (await listed.json())["recordings"]


@needs_redis
async def test_a_gateway_by_itself_serves_as_ever(here: Gateway) -> None:
    async with Caller(here.url) as caller:
        joined = await caller.join()
        assert here.cluster is not None
        assert here.cluster.place.mark in joined["sessionId"]
    async with Caller(here.url) as again:
        assert (await again.resume(joined))["ok"]
