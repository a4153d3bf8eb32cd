"""Clients of another gateway whose session is here: what becomes of the session."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError
from signaling import client
from signaling.app import Gateway
from signaling.caller import Caller as Identity
from signaling.caller import Scope
from signaling.cluster.redis_link import RedisLink
from signaling.cluster.visitors import Visitors
from signaling.tokens import SecretTokens
from tests.gateways import running_gateway
from tests.redis_server import RedisServer, needs_redis
from tests.signaling.callers import Caller, until
from tests.signaling.test_resume import session_of, until_nobody_listens
from tests.stand_in import StandIn

pytestmark = needs_redis

SECRET = "a secret of the tests, and long enough"


def visitors_of(gateway: Gateway) -> Visitors:
    assert gateway.cluster is not None
    assert gateway.cluster.visitors is not None
    return gateway.cluster.visitors


async def test_a_session_waits_for_a_client_whose_gateway_died(
    model: StandIn, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.cluster.lines.LOOK", 0.02)
    async with running_gateway(model.url, redis_url=redis.url) as here:
        async with running_gateway(model.url, redis_url=redis.url) as there:
            async with Caller(here.url) as caller:
                joined = await caller.join()
            session = session_of(here, joined)
            again = Caller(there.url)
            await again.__aenter__()
            await again.resume(joined)
            await until(lambda: len(visitors_of(here)) == 1)
            assert there.cluster is not None
            await there.cluster.link.close()
            await until_nobody_listens(session)
            await until(lambda: not len(visitors_of(here)))
            await again.leave()
        async with Caller(here.url) as back:
            assert (await back.resume(joined))["ok"]


async def test_who_does_not_come_back_in_time_finds_the_session_ended(
    model: StandIn, redis: RedisServer
) -> None:
    settings = {"redis_url": redis.url, "reconnect_grace": 0.05}
    async with (
        running_gateway(model.url, **settings) as here,
        running_gateway(model.url, **settings) as there,
    ):
        async with Caller(here.url) as caller, Caller(there.url) as again:
            joined = await caller.join()
            await again.resume(joined)
            session = session_of(here, joined)
        async with asyncio.timeout(10):
            await session._ended.wait()
        assert session.end_reason == Ending.NOT_BACK
        assert not len(visitors_of(here))


async def test_a_client_that_reads_too_slowly_is_cut_off_and_may_come_back(
    here: Gateway, there: Gateway, model: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Caller(here.url) as caller:
        joined = await caller.join()
        await caller.reach_model()
        line = await model.line()
    async with Caller(there.url) as again:
        await again.resume(joined)
        monkeypatch.setattr(client, "MAX_BACKLOG", 0)
        await line.question("Are you there?")
        await again.ended.wait()
        monkeypatch.undo()
    await until_nobody_listens(session_of(here, joined))
    async with Caller(there.url) as back:
        assert (await back.resume(joined))["ok"]
        await back.wait("message", lambda m: m["content"] == "Are you there?")


async def test_a_resume_that_redis_held_up_takes_nothing_from_anybody(
    here: Gateway, there: Gateway
) -> None:
    async with Caller(here.url) as caller:
        joined = await caller.join()
        assert there.cluster is not None
        assert here.cluster is not None
        resume = {
            "line": "given up",
            "data": {name: joined[name] for name in ("sessionId", "resumeToken")},
            "caller": Identity().told(),
            "remote": "127.0.0.1",
        }
        with pytest.raises(GatewayError) as caught:
            await there.cluster.bus.ask(here.cluster.place.name, "resume", resume)
        assert caught.value.code is ErrorCode.NO_SESSION
        assert await caller.ask("interrupt") == {"ok": True}
        assert not len(visitors_of(here))


async def test_voice_waits_for_a_client_s_share_of_the_queue(
    here: Gateway, there: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Caller(here.url) as one, Caller(here.url) as two:
        sessions = [await one.join(), await two.join()]
    async with Caller(there.url) as one, Caller(there.url) as two:
        for caller, session in zip((one, two), sessions, strict=True):
            await caller.resume(session)
        monkeypatch.setattr(RedisLink, "queued", 21)
        visitors = visitors_of(here)
        assert [visitors.backlog(line) for line in visitors._here] == [10, 10]


async def test_a_client_that_leaves_while_it_resumes_leaves_nothing(
    here: Gateway, there: Gateway
) -> None:
    async with Caller(here.url) as caller:
        joined = await caller.join()
    session = session_of(here, joined)
    assert there.cluster is not None
    for _ in range(10):
        async with Caller(there.url) as hasty:
            wishes = {name: joined[name] for name in ("sessionId", "resumeToken")}
            await hasty._socket.emit("join_session", wishes)
        await until(lambda: not len(there.cluster.away))
        await until(lambda: not len(visitors_of(here)))
        await until(lambda: not len(here.cluster.lines if here.cluster else ()))
    await until_nobody_listens(session)
    assert not session.ended
    async with Caller(there.url) as back:
        assert (await back.resume(joined))["ok"]


async def test_two_gateways_resume_from_each_other_at_once(here: Gateway, there: Gateway) -> None:
    async with Caller(here.url) as one, Caller(there.url) as two:
        first, second = await one.join(), await two.join()
    async with Caller(there.url) as one, Caller(here.url) as two:
        for _ in range(5):
            answers = await asyncio.gather(one.resume(first), two.resume(second))
            assert [each["ok"] for each in answers] == [True, True]
        said = await asyncio.gather(one.ask("send_text", "One."), two.ask("send_text", "Two."))
        assert all(each["ok"] for each in said)


async def test_a_resumed_session_goes_by_its_owner(model: StandIn, redis: RedisServer) -> None:
    ann, bob = [
        SecretTokens(SECRET).mint(name, frozenset({Scope.CALL}), 60) for name in ("ann", "bob")
    ]
    async with (
        running_gateway(model.url, redis_url=redis.url, auth_secret=SECRET) as here,
        running_gateway(model.url, redis_url=redis.url, auth_secret=SECRET) as there,
    ):
        async with Caller(here.url, token=ann) as caller:
            joined = await caller.join()
        async with Caller(there.url, token=bob) as thief:
            refused = await thief.resume(joined)
            assert refused["error"]["code"] == "session_expired"
        async with Caller(there.url, token=ann) as again:
            assert (await again.resume(joined))["ok"]
            assert (await again.ask("send_text", "Mine."))["ok"]


async def test_offers_of_a_user_are_counted_where_the_session_is(
    model: StandIn, redis: RedisServer
) -> None:
    settings = {"redis_url": redis.url, "auth_secret": SECRET, "trusted_proxies": "127.0.0.1/32"}
    offer = {"type": "offer", "sdp": "v=0"}
    async with (
        running_gateway(model.url, call_rate=(0.001, 3), **settings) as here,
        running_gateway(model.url, **settings) as there,
    ):
        token = SecretTokens(SECRET).mint("ann", frozenset({Scope.CALL}), 60)
        async with Caller(here.url, token=token, **{"X-Forwarded-For": "192.0.2.1"}) as caller:
            joined = await caller.join()
        async with Caller(there.url, token=token, **{"X-Forwarded-For": "192.0.2.2"}) as again:
            assert (await again.resume(joined))["ok"]
            errors = [(await again.ask("webrtc_offer", offer))["error"] for _ in range(2)]
    assert [error["code"] for error in errors] == ["negotiation_failed", "rate_limited"]
    assert errors[1]["message"] == "too many offers of this user"
