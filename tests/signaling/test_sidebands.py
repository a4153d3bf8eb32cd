"""Servers that control calls by ``?call_id=``, whatever door those came by: real sockets all."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from client.python import Microphone
from client.python.peer import Peer
from signaling import client_socket
from signaling.app import Gateway
from signaling.session_config import SessionConfig
from tests.event_recorder import SocketClient
from tests.gateway.protocol_client import user_message
from tests.gateways import running_gateway
from tests.signaling.callers import Caller, until
from tests.signaling.sip.phone import Phone, kind
from tests.signaling.sip.test_door import LISTEN, socket
from tests.signaling.sip.test_reception import desk_and_phone, ok, rings
from tests.strict_model import ANSWER, StrictModel

MINE: dict[str, Any] = {"instructions": "Be mine."}
TOOL: dict[str, Any] = {"type": "function", "name": "supervisor", "parameters": {}}


@contextlib.asynccontextmanager
async def whip_call(gateway: Gateway, key: str | None = None) -> AsyncIterator[str]:
    """Its id."""
    microphone = Microphone()
    peer = Peer(microphone, [], "127.0.0.1")
    offer, _ = await peer.offer()
    headers = {"Content-Type": "application/sdp"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
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


async def runs_the_call(server: SocketClient) -> None:
    """As a client with tools of its own does."""
    created = await server.wait("session.created")
    assert created["session"]["instructions"] == MINE["instructions"]
    await server.send("session.update", session={"type": "realtime", "tools": [TOOL]})
    updated = await server.wait("session.updated")
    assert [tool["name"] for tool in updated["session"]["tools"]] == [TOOL["name"]]
    await server.send("conversation.item.create", item=user_message("Why is my bill so high?"))
    await server.send("response.create")
    call = await server.wait("response.function_call_arguments.done")
    await server.wait("response.done")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "So."}
    await server.send("conversation.item.create", item=output)
    await server.send("response.create")
    await server.wait("output_audio_buffer.started")
    server.check()


async def test_a_call_by_whip_is_run_by_whom_its_key_says() -> None:
    async with StrictModel() as model, running_gateway(model.url) as gateway:
        assert gateway._doorkeeper is not None
        issued = await gateway._doorkeeper._keys.issue(
            SessionConfig(MINE, control="passthrough"), 600
        )
        key = issued.value
        async with (
            whip_call(gateway, key) as call_id,
            SocketClient(
                gateway.url, f"call_id={call_id}", Authorization="Bearer sk-server"
            ) as server,
        ):
            await runs_the_call(server)
        assert not model.take_faults()
        async with Caller(gateway.url, token=key) as caller:
            refused = await caller.ask("join_session", {})
            assert refused["error"]["code"] == "bad_request"
            assert "passthrough" in refused["error"]["message"]


async def test_an_application_runs_a_phones_call_itself() -> None:
    async with StrictModel() as model, desk_and_phone(model.url) as (desk, gateway, wire):
        phone = Phone()
        await rings(wire, phone)
        call_id = await desk.called()
        await desk.client.realtime.calls.accept(
            call_id, type="realtime", **MINE, extra_body={"control": "passthrough"}
        )
        phone.hear(answer := await wire.final())
        assert kind(answer) == "200"
        wire.send(phone.ack())
        async with SocketClient(gateway.url, f"call_id={call_id}") as server:
            await runs_the_call(server)
        await wire.leave(phone)
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
