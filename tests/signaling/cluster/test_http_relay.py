"""Requests by HTTP that come to another gateway than their call's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from client.python import Microphone
from client.python.peer import Peer
from gateway.sessions import Sessions
from signaling.access import ACCESS
from signaling.app import Gateway
from signaling.cluster import http_relay
from signaling.cluster.bus import ANSWER_TIMEOUT
from signaling.cluster.http_relay import RELAYED
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.redis_server import RedisServer, needs_redis, running_redis
from tests.signaling.callers import until
from tests.signaling.test_listen import AGENT, only_session, phone, status_of
from tests.stand_in import StandIn

pytestmark = needs_redis

OFFER = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


def sessions_of(gateway: Gateway) -> Sessions:
    assert gateway.sessions is not None
    return gateway.sessions


@pytest_asyncio.fixture
async def elsewhere(there: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(there.url) as session:
        yield session


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    microphone = Microphone()
    made = Peer(microphone, [], "127.0.0.1")
    yield made
    microphone.stop()
    await made.close()


async def code_of(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    body: dict[str, Any] = await answer.json()
    return answer.status, body["error"]["code"]


async def test_whip_is_one_house(
    here: Gateway, elsewhere: aiohttp.ClientSession, peer: Peer, model: StandIn
) -> None:
    offer, _ = await peer.offer()
    async with (
        aiohttp.ClientSession(here.url) as http,
        http.post("/whip", data=offer, headers=OFFER) as created,
    ):
        assert created.status == 201
        where, etag = created.headers["Location"], created.headers["ETag"]
        await peer.accept(await created.text())
    await peer.wait_connected(10.0)
    async with elsewhere.patch(where, data="a=end-of-candidates\r\n", headers=FRAGMENT) as bare:
        assert await code_of(bare) == (428, "precondition_required")
    restart = "a=ice-ufrag:Anew\r\na=ice-pwd:AnotherPasswordOfTheOfferer\r\n"
    headers = {**FRAGMENT, "If-Match": etag}
    async with elsewhere.patch(where, data=restart, headers=headers) as restarted:
        assert restarted.status == 200
        assert restarted.headers["ETag"] != etag
        assert restarted.content_type == FRAGMENT["Content-Type"]
        assert "a=ice-ufrag:" in await restarted.text()
    async with elsewhere.delete(where) as ended:
        assert ended.status == 200
        assert ended.headers.getall("X-Content-Type-Options") == ["nosniff"]
    assert not len(sessions_of(here))
    async with elsewhere.delete(where) as again:
        assert await code_of(again) == (404, "not_found")


async def test_operators_reach_every_call_by_its_id(
    here: Gateway, there: Gateway, elsewhere: aiohttp.ClientSession
) -> None:
    session = sessions_of(here).open("ann")
    path = f"/api/sessions/{session.id}"
    async with elsewhere.get(path) as shown:
        assert (await shown.json())["userId"] == "ann"
    async with elsewhere.post(f"{path}/text", json={"text": "Offer a refund."}) as prompted:
        assert prompted.status == 202
    async with elsewhere.post(f"{path}/text", json={}) as refused:
        assert await code_of(refused) == (400, "bad_request")
    async with elsewhere.post(f"{path}/hangup") as ended:
        assert ended.status == 200
    assert session.ended
    async with elsewhere.get(path) as gone:
        assert await code_of(gone) == (404, "not_found")


async def test_operators_see_the_calls_of_all_gateways(
    here: Gateway, there: Gateway, elsewhere: aiohttp.ClientSession
) -> None:
    first, second = sessions_of(here).open("ann"), sessions_of(there).open("bob")
    third = sessions_of(here).open("cid")
    async with elsewhere.get("/api/sessions") as shown:
        told = await shown.json()
        assert shown.headers["Cache-Control"] == "no-store"
    assert {each["id"] for each in told["sessions"]} == {first.id, second.id, third.id}
    began = [each["startedAt"] for each in told["sessions"]]
    assert began == sorted(began)
    assert told["silent"] == []


async def test_a_gateway_that_tells_nothing_is_named(
    here: Gateway, there: Gateway, elsewhere: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_relay, "LIST_TIMEOUT", 0.05)
    assert here.cluster is not None
    assert there.cluster is not None
    own = sessions_of(there).open("bob")
    here.cluster.bus._asks.clear()
    async with elsewhere.get("/api/sessions") as shown:
        told = await shown.json()
    assert [each["id"] for each in told["sessions"]] == [own.id]
    assert told["silent"] == [here.cluster.place.name]
    there.cluster.link.is_up = False
    monkeypatch.setattr(there.cluster.link._redis, "pubsub_channels", _away)
    async with elsewhere.get("/api/sessions") as shown:
        told = await shown.json()
    assert (len(told["sessions"]), told["silent"]) == (1, None)


async def _away(pattern: str) -> list[bytes]:
    raise ConnectionError("no Redis")


async def test_an_operator_listens_in_from_elsewhere(
    here: Gateway, elsewhere: aiohttp.ClientSession, model: StandIn
) -> None:
    async with (
        aiohttp.ClientSession(here.url) as http,
        phone() as caller,
        phone() as operator,
    ):
        await caller.call(http, "/whip")
        where = await operator.call(elsewhere, f"{await only_session(elsewhere)}/listen")
        line = await model.line()
        await line.answer("A tone.", tone(0.5, 24_000, hertz=AGENT).tobytes())
        await until(lambda: len(operator.heard(AGENT)) > 10)
        assert await status_of(elsewhere.delete(where)) == 200
        assert await status_of(elsewhere.delete(where)) == 404


async def test_a_key_controls_its_own_call_wherever_it_asks(
    here: Gateway, there: Gateway, elsewhere: aiohttp.ClientSession
) -> None:
    keys = []
    async with aiohttp.ClientSession(here.url) as http:
        for _ in range(2):
            async with http.post("/v1/realtime/client_secrets", json={}) as minted:
                keys.append((await minted.json())["value"])
    assert here._doorkeeper is not None
    assert here.live is not None
    own, anothers = keys
    call_id, session = here.live.new_id(), sessions_of(here).open("ann")
    here.live.add(call_id, session, await here._doorkeeper._keys.open(own))
    path = f"/v1/realtime/calls/{call_id}"
    for key, expected in ((anothers, 404), ("ek_nonsense", 401)):
        headers = {"Authorization": f"Bearer {key}"}
        async with elsewhere.post(f"{path}/hangup", headers=headers) as refused:
            assert refused.status == expected
    headers = {"Authorization": f"Bearer {own}"}
    async with elsewhere.post(f"{path}/accept", headers=headers, json={}) as refused:
        assert await code_of(refused) == (409, "conflict")
    async with elsewhere.post(f"{path}/hangup", headers=headers) as ended:
        assert ended.status == 200
    assert session.ended


async def test_what_is_of_no_gateway_is_not_found(elsewhere: aiohttp.ClientSession) -> None:
    gone = "rtc_g0123456789ab_00"
    hang_up = ("POST", f"/v1/realtime/calls/{gone}/hangup")
    for method, path in (hang_up, ("DELETE", f"/whip/{gone}")):
        async with elsewhere.request(method, path) as answer:
            assert await code_of(answer) == (404, "not_found")
            assert gone in (await answer.json())["error"]["message"]
    async with elsewhere.post(f"/whip/{gone}") as answer:
        assert answer.status == 405
    async with elsewhere.post(f"/v1/realtime/calls/{gone}/hangup", data=bytes(1 << 21)) as answer:
        assert await code_of(answer) == (413, "too_large")


async def test_a_redis_that_is_lost_is_said(model: StandIn) -> None:
    with running_redis() as redis:
        async with (
            running_gateway(model.url, redis_url=redis.url) as here,
            running_gateway(model.url, redis_url=redis.url) as there,
            aiohttp.ClientSession(there.url) as http,
        ):
            session = sessions_of(here).open("ann")
            redis.stop()
            async with http.post(f"/api/sessions/{session.id}/hangup") as answer:
                assert await code_of(answer) == (503, "upstream_unavailable")
                assert answer.headers["Retry-After"] == "5"
            assert not session.ended


async def test_anybody_may_ask_for_the_options_of_a_call_elsewhere(
    here: Gateway, elsewhere: aiohttp.ClientSession
) -> None:
    assert here.cluster is not None
    async with elsewhere.options(f"/whip/rtc_{here.cluster.place.mark}00") as answer:
        assert answer.status == 204


async def test_a_gateway_that_stops_says_so(
    here: Gateway, there: Gateway, elsewhere: aiohttp.ClientSession
) -> None:
    session = sessions_of(here).open("ann")
    assert here._runner is not None
    assert here.cluster is not None
    for site in here._runner.sites:
        await site.stop()
    async with asyncio.timeout(ANSWER_TIMEOUT / 2):
        async with elsewhere.get(f"/api/sessions/{session.id}") as answer:
            assert await code_of(answer) == (503, "upstream_unavailable")
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await elsewhere.ws_connect(f"/v1/realtime?call_id=rtc_{here.cluster.place.mark}00")
        assert caught.value.status == 503


def test_every_route_of_a_call_is_passed_on() -> None:
    with_an_id = {path for _, path in ACCESS if "{call_id}" in path or "{id}" in path}
    assert with_an_id - RELAYED == {f"/api/recordings/{rest}" for rest in ("{id}", "{id}/{file}")}
    assert not RELAYED - with_an_id


@pytest.mark.parametrize("secret", [None, "a secret of at least thirty-two bytes"])
async def test_who_was_let_in_elsewhere_is_let_in(
    model: StandIn, redis: RedisServer, secret: str | None
) -> None:
    """And by the token that was shown there alone: none goes through Redis."""
    from signaling.caller import Scope
    from signaling.tokens import SecretTokens

    settings: dict[str, Any] = {"redis_url": redis.url}
    headers = {}
    if secret is not None:
        settings["auth_secret"] = secret
        token = SecretTokens(secret).mint("ann", frozenset(Scope), 60)
        headers = {"Authorization": f"Bearer {token}"}
    async with (
        running_gateway(model.url, **settings) as here,
        running_gateway(model.url, **settings) as there,
        aiohttp.ClientSession(there.url) as http,
    ):
        session = sessions_of(here).open("ann", owner="somebody")
        async with http.get(f"/api/sessions/{session.id}") as refused:
            assert refused.status == (200 if secret is None else 401)
        async with http.get(f"/api/sessions/{session.id}", headers=headers) as shown:
            assert shown.status == 200
