"""Servers that control calls by ``?call_id=``, whatever door those came by: real sockets all."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from client.python import Microphone
from client.python.peer import Peer
from signaling import client_socket
from signaling.app import Gateway
from tests.event_recorder import SocketClient
from tests.gateway.protocol_client import user_message
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.signaling.sip.phone import Phone, kind
from tests.signaling.sip.test_door import LISTEN, socket
from tests.signaling.sip.test_reception import ok
from tests.strict_model import ANSWER, StrictModel


@contextlib.asynccontextmanager
async def whip_call(gateway: Gateway) -> AsyncIterator[str]:
    """Its id."""
    microphone = Microphone()
    peer = Peer(microphone, [], "127.0.0.1")
    offer, _ = await peer.offer()
    headers = {"Content-Type": "application/sdp"}
    async with (
        aiohttp.ClientSession(gateway.url) as http,
        http.post("/whip", data=offer, headers=headers) as created,
    ):
        await peer.accept(await created.text())
        location = created.headers["Location"]
    await peer.wait_connected(10.0)
    yield location.rsplit("/", 1)[-1]
    microphone.stop()
    await peer.close()


async def test_a_call_by_whip_is_controlled() -> None:
    async with (
        StrictModel() as model,
        running_gateway(model.url) as gateway,
        whip_call(gateway) as call_id,
        SocketClient(gateway.url, f"call_id={call_id}") as server,
    ):
        await server.wait("session.created")
        await server.send("conversation.item.create", item=user_message("Hello."))
        await server.send("response.create")
        await server.wait("output_audio_buffer.stopped")
        said = await server.wait("response.output_audio_transcript.done")
        assert said["transcript"] == ANSWER
        server.check()
        assert not model.take_faults()


async def test_a_phone_is_controlled_and_its_keys_are_told() -> None:
    async with (
        StrictModel() as model,
        running_gateway(model.url, sip_listen=LISTEN) as gateway,
        socket(gateway) as wire,
    ):
        phone = Phone()
        await wire.established(phone)
        assert gateway.live is not None
        (call_id,) = gateway.live.ids
        async with SocketClient(gateway.url, f"call_id={call_id}") as server:
            await server.wait("session.created")
            wire.send(phone.request("INFO", "Signal=5", kind="application/dtmf-relay"))
            assert kind(await wire.final()) == "200"
            pressed = await server.wait("input_audio_buffer.dtmf_event_received")
            assert pressed["event"] == "5"
            await server.send("conversation.item.create", item=user_message("Hello."))
            await server.send("response.create")
            await server.wait("output_audio_buffer.started")
            url = f"{gateway.url}/v1/realtime/calls/{call_id}/hangup"
            async with aiohttp.ClientSession() as http:
                hanging_up = asyncio.create_task(http.post(url))
                bye = await wire.final()
                assert kind(bye) == "BYE"
                wire.send(ok(bye))
                assert (await hanging_up).status == 200
            async with asyncio.timeout(10):
                await server.closed.wait()
            server.check()
        assert not model.take_faults()


async def test_one_that_reads_nothing_is_cut_and_nobody_else_notices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_socket, "CLOSE_TIMEOUT", 0.05)
    async with (
        StrictModel() as model,
        running_gateway(model.url) as gateway,
        whip_call(gateway) as call_id,
        SocketClient(gateway.url, f"call_id={call_id}") as server,
        aiohttp.ClientSession() as http,
    ):
        url = f"{gateway.url.replace('http', 'ws', 1)}/v1/realtime?call_id={call_id}"
        stuck = await http.ws_connect(url, max_msg_size=0)
        assert json.loads(await stuck.receive_str())["type"] == "session.created"
        transport = stuck._conn.transport if stuck._conn is not None else None
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await server.wait("session.created")
        assert gateway.sessions is not None
        session = next(iter(gateway.sessions._live.values()))
        line = await model.line()
        text = "x" * (1 << 20)
        for number in range(40):
            item = {"type": "message", "role": "user", "id": f"item_long{number}"}
            content = [{"type": "input_text", "text": text}]
            await line.send(
                "conversation.item.added", item={**item, "content": content}, previous_item_id=None
            )
            await server.wait("conversation.item.added", number + 1)
        await until(lambda: len(session.clients._lines) == 1)
        transport.abort()
        await stuck.close()
        server.check()
