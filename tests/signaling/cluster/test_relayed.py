"""Only a gateway's own socket carries requests that were let in elsewhere."""

from __future__ import annotations

import aiohttp

from signaling.app import Gateway
from signaling.caller import Caller, Scope
from signaling.cluster.relayed import HEADER, relayed
from signaling.keys import Grant
from tests.gateways import running_gateway
from tests.redis_server import RedisServer, needs_redis
from tests.stand_in import StandIn

OPERATOR = Caller("eve", "eve", frozenset(Scope), Grant(owner="eve"), True)


def test_a_caller_is_told_whole() -> None:
    callers = (
        OPERATOR,
        Caller(),
        Caller("issuer ann", "ann", frozenset({Scope.CALL}), Grant(key_id="1", owner="issuer ann")),
    )
    for caller in callers:
        assert Caller.of(caller.told()) == caller


@needs_redis
async def test_a_stranger_who_says_so_is_not_believed(model: StandIn, redis: RedisServer) -> None:
    secret = "a secret of at least thirty-two bytes"
    async with (
        running_gateway(model.url, redis_url=redis.url, auth_secret=secret) as gateway,
        aiohttp.ClientSession(gateway.url) as http,
    ):
        headers = relayed(OPERATOR, "127.0.0.1")
        async with http.get("/api/sessions", headers=headers) as refused:
            assert refused.status == 401
        for nonsense in ("", "{", "[]", "{}"):
            async with http.get("/health", headers={HEADER: nonsense}) as answer:
                assert answer.status == 200
        assert gateway.cluster is not None
        async with gateway.cluster.http.own.get("/api/sessions", headers=headers) as believed:
            assert believed.status == 200


@needs_redis
async def test_the_socket_is_nobody_else_s(here: Gateway) -> None:
    assert here.cluster is not None
    folder = here.cluster.http._folder
    assert folder.stat().st_mode & 0o077 == 0
    await here.stop()
    assert not folder.exists()
