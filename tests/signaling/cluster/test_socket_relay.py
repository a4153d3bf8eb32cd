"""Servers that control a call by WebSocket, connected to another gateway than the call's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from gateway.core.ending import Ending
from signaling.app import Gateway
from signaling.cluster import socket_relay
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


async def test_who_sends_faster_than_the_call_takes_is_cut_off(
    here: Gateway, there: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_relay, "MAX_WAITING", 1)
    async with (
        whip_call(here) as call_id,
        SocketClient(there.url, f"call_id={call_id}") as server,
    ):
        await server.wait("session.created")
        with contextlib.suppress(ConnectionError):
            await server.send("response.create")
        await server.closed.wait()


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
