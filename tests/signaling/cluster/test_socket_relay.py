"""Servers that control a call by WebSocket, connected to another gateway than the call's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from gateway.core.ending import Ending
from signaling.app import Gateway
from signaling.cluster.bus import Body
from tests.event_recorder import SocketClient
from tests.gateway.protocol_client import user_message
from tests.gateways import running_gateway
from tests.redis_server import needs_redis, running_redis
from tests.signaling.callers import until
from tests.signaling.test_sidebands import whip_call
from tests.strict_model import ANSWER, StrictModel

pytestmark = needs_redis


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StrictModel]:
    async with StrictModel() as strict:
        yield strict


async def test_a_call_is_controlled_from_elsewhere(here: Gateway, there: Gateway) -> None:
    async with (
        whip_call(here) as call_id,
        SocketClient(there.url, f"call_id={call_id}") as server,
    ):
        await server.wait("session.created")
        await server.send("conversation.item.create", item=user_message("Hello. " * 3_000))
        await server.send("response.create")
        await server.wait("output_audio_buffer.stopped")
        said = await server.wait("response.output_audio_transcript.done")
        assert said["transcript"] == ANSWER
        await server.send_raw("nonsense")
        assert (await server.wait("error"))["error"]["type"] == "invalid_request_error"
        assert here.sessions is not None
        assert there.cluster is not None
        (session,) = here.sessions
        session.end(Ending.CONTROLLED)
        await server.closed.wait()
        assert server.socket.close_code == 1000
        await until(lambda: not len(there.cluster.lines))


async def test_who_leaves_is_not_missed(here: Gateway, there: Gateway) -> None:
    assert here.cluster is not None
    async with whip_call(here) as call_id:
        for _ in range(3):
            async with SocketClient(there.url, f"call_id={call_id}") as server:
                await server.wait("session.created")
            await until(lambda: not len(here.cluster.lines))
        assert here.sessions is not None
        (session,) = here.sessions
        await until(lambda: not session.clients._lines[1:])
        assert not session.ended


@pytest.mark.parametrize("call_id", ["rtc_g0123456789ab_00", "unknown there"])
async def test_a_call_that_is_not_there_is_not_found(
    here: Gateway, there: Gateway, call_id: str
) -> None:
    assert here.cluster is not None
    assert there.cluster is not None
    if call_id == "unknown there":
        call_id = f"rtc_{here.cluster.place.mark}00"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with SocketClient(there.url, f"call_id={call_id}"):
            pass
    assert caught.value.status == 404
    assert not len(there.cluster.lines)


async def test_a_page_of_a_stranger_s_is_refused(here: Gateway, there: Gateway) -> None:
    assert here.cluster is not None
    call = f"call_id=rtc_{here.cluster.place.mark}00"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with SocketClient(there.url, call, Origin="https://evil.example"):
            pass
    assert caught.value.status == 401


async def test_who_sends_faster_than_the_call_takes_has_to_wait(
    here: Gateway, there: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    ready = asyncio.Event()

    async def take(place: str, body: Body) -> Body:
        taken.append(body["event"])
        await ready.wait()
        return {}

    assert here.cluster is not None
    monkeypatch.setitem(here.cluster.bus._asks, "to-call", take)
    async with (
        whip_call(here) as call_id,
        SocketClient(there.url, f"call_id={call_id}") as server,
    ):
        await server.wait("session.created")
        sent = [f'{{"type": "event {number}"}}' for number in range(50)]
        for event in sent:
            await server.send_raw(event)
        await until(lambda: bool(taken))
        assert taken == sent[:1], "one is on its way at a time"
        ready.set()
        await until(lambda: len(taken) == 50)
        assert taken == sent


async def test_who_is_not_taken_from_is_told_that_the_call_is_lost(
    here: Gateway, there: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert here.cluster is not None
    async with (
        whip_call(here) as call_id,
        SocketClient(there.url, f"call_id={call_id}") as server,
    ):
        await server.wait("session.created")
        here.cluster.sockets._there.clear()
        await server.send("response.create")
        await server.closed.wait()


async def test_calls_are_hung_up_however_many_sockets_control_them(
    here: Gateway, there: Gateway
) -> None:
    async with whip_call(here) as call_id, contextlib.AsyncExitStack() as stack:
        for _ in range(110):
            client = SocketClient(there.url, f"call_id={call_id}")
            await stack.enter_async_context(client)
        async with (
            aiohttp.ClientSession(there.url) as http,
            http.post(f"/v1/realtime/calls/{call_id}/hangup") as answer,
        ):
            assert answer.status == 200
        await client.closed.wait()


async def test_redis_is_found_again_though_a_socket_was_being_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def forever(place: str, body: Body) -> Body:
        return await asyncio.get_running_loop().create_future()

    with running_redis() as redis:
        async with (
            StrictModel() as model,
            running_gateway(model.url, redis_url=redis.url) as here,
            running_gateway(model.url, redis_url=redis.url) as there,
        ):
            assert here.cluster is not None
            assert there.cluster is not None
            links = here.cluster.link, there.cluster.link
            lines = there.cluster.lines
            monkeypatch.setitem(here.cluster.bus._asks, "socket", forever)
            opening = asyncio.create_task(
                SocketClient(there.url, f"call_id=rtc_{here.cluster.place.mark}00").__aenter__()
            )
            await until(lambda: len(lines) == 1)
            redis.stop()
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await opening
            assert caught.value.status == 503
            redis.start()
            await until(lambda: all(link.is_up for link in links))


async def test_it_ends_with_redis_and_the_call_does_not() -> None:
    with running_redis() as redis:
        async with (
            StrictModel() as model,
            running_gateway(model.url, redis_url=redis.url) as here,
            running_gateway(model.url, redis_url=redis.url) as there,
            whip_call(here) as call_id,
        ):
            async with SocketClient(there.url, f"call_id={call_id}") as server:
                await server.wait("session.created")
                redis.stop()
                await server.closed.wait()
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with SocketClient(there.url, f"call_id={call_id}"):
                    pass
            assert caught.value.status == 503
            assert len(here.sessions or ()) == 1
