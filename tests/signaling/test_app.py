"""A whole gateway: its start, its drain, its stop."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import aiohttp
import pytest

from client.python import ClientError, Microphone, Speaker, TalkpathClient
from gateway.config import SettingsError
from signaling.app import CannotListen, Gateway
from signaling.ice import CREDENTIAL_MARGIN
from tests.client.tones import tone
from tests.gateways import LOOPBACK, loopback_settings, running_gateway
from tests.signaling.callers import Caller, until
from tests.stand_in import StandIn


async def test_it_serves_where_it_says(model: StandIn) -> None:
    async with running_gateway(model.url) as gateway:
        assert gateway.url.startswith(f"http://{LOOPBACK}:")
        assert gateway.model_name == model.url
        async with Caller(gateway.url) as caller:
            await caller.join()
            await caller.reach_model()


async def test_the_model_is_shown_the_key_and_asked_for_the_voice_of_the_settings(
    model: StandIn,
) -> None:
    async with running_gateway(model.url) as plain, Caller(plain.url) as caller:
        await caller.join()
        assert "Authorization" not in (await model.line()).headers
    settings = {"openai_api_key": "sk-hunter2", "realtime_voice": "cedar"}
    async with running_gateway(model.url, **settings) as gateway, Caller(gateway.url) as caller:
        await caller.join()
        line = await model.line(1)
        assert line.headers["Authorization"] == "Bearer sk-hunter2"
        session = (await line.wait_for("session.update"))["session"]
        assert session["audio"]["output"]["voice"] == "cedar"


async def test_stopping_tells_those_in_a_session_and_ends_their_connections(
    model: StandIn,
) -> None:
    async with (
        running_gateway(model.url) as gateway,
        Caller(gateway.url) as ann,
        Caller(gateway.url) as bob,
        Caller(gateway.url) as outside,
    ):
        await ann.join()
        await bob.join()
        started = asyncio.get_running_loop().time()
        await gateway.stop()
        assert asyncio.get_running_loop().time() - started < 2
        for caller in (ann, bob):
            status = caller.of("session_status")[-1]
            assert status["status"] == "DISCONNECTED"
            assert status["reason"] == "the gateway is shutting down"
        for caller in (ann, bob, outside):
            await until(caller.ended.is_set)


async def test_a_drain_lets_calls_finish_and_takes_no_more(model: StandIn) -> None:
    async with (
        running_gateway(model.url) as gateway,
        Caller(gateway.url) as talking,
        Caller(gateway.url) as late,
        aiohttp.ClientSession() as http,
    ):
        session = await talking.join()
        stopping = asyncio.create_task(gateway.stop(drain=30))
        sessions = gateway.sessions
        assert sessions is not None
        await until(lambda: sessions.draining)
        async with http.get(f"{gateway.url}/ready") as ready:
            assert ready.status == 503
        assert (await late.ask("join_session", {}))["error"]["code"] == "capacity"
        # A rejoin that would not be let in does not cost the session.
        assert (await talking.ask("join_session", {}))["error"]["code"] == "capacity"
        assert (await talking.ask("send_text", "One more thing."))["ok"]
        await talking.wait("message")
        async with Caller(gateway.url) as elsewhere:
            assert (await elsewhere.resume(session))["ok"], "a session goes on for who comes back"
            assert (await elsewhere.ask("disconnect_session"))["ok"]
        async with asyncio.timeout(5):
            await stopping


async def test_after_the_drain_those_who_still_talk_are_ended(model: StandIn) -> None:
    async with running_gateway(model.url) as gateway, Caller(gateway.url) as caller:
        await caller.join()
        await gateway.stop(drain=0.05)
        assert caller.of("session_status")[-1]["reason"] == "the gateway is shutting down"


async def test_it_may_be_stopped_twice_and_before_it_started(model: StandIn) -> None:
    gateway = Gateway(loopback_settings(model.url))
    await gateway.stop()
    await gateway.start()
    await gateway.stop()
    await gateway.stop()


async def test_an_address_that_is_taken_is_named(model: StandIn) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        gateway = Gateway(loopback_settings(model.url, port=port))
        with pytest.raises(CannotListen) as refused:
            await gateway.start()
        await gateway.stop()
    assert str(refused.value) == (
        f"cannot listen on HOST={LOOPBACK} PORT={port}: address already in use"
    )


async def test_an_agent_set_that_does_not_exist_stops_the_start(model: StandIn) -> None:
    gateway = Gateway(loopback_settings(model.url, agent_set="choir"))
    with pytest.raises(SettingsError) as wrong:
        await gateway.start()
    assert str(wrong.value) == (
        "AGENT_SET=choir: there is no agent set of that name; known: chat_supervisor, haiku, retail"
    )
    await gateway.stop()


async def test_ice_servers_are_handed_to_clients(model: StandIn) -> None:
    servers = '[{"urls": "turn:turn.example:3478", "username": "u", "credential": "c"}]'
    async with (
        running_gateway(model.url, ice_servers=servers) as gateway,
        Caller(gateway.url) as caller,
    ):
        joined = await caller.join()
    assert joined["iceServers"] == [
        {"urls": ["turn:turn.example:3478"], "username": "u", "credential": "c"}
    ]


async def test_each_session_has_a_turn_credential_of_its_own(model: StandIn) -> None:
    async with (
        running_gateway(
            model.url, ice_servers='[{"urls": "turn:turn.example"}]', turn_secret="hush"
        ) as gateway,
        Caller(gateway.url) as ann,
        Caller(gateway.url) as bob,
    ):
        given = []
        for caller in (ann, bob):
            joined = await caller.join()
            (server,) = joined["iceServers"]
            expiry, user = server["username"].split(":")
            assert user == joined["sessionId"]
            assert 3600 < int(expiry) - time.time() <= 3600 + CREDENTIAL_MARGIN
            given.append(server["credential"])
    assert given[0] != given[1]


async def test_a_server_that_cannot_be_asked_stops_the_start(model: StandIn) -> None:
    gateway = Gateway(loopback_settings(model.url, ice_servers='[{"urls": "stun:x:port"}]'))
    with pytest.raises(SettingsError) as wrong:
        await gateway.start()
    assert str(wrong.value) == (
        "ICE_SERVERS: a URL is not of the form stun:HOST:PORT or turn:HOST:PORT"
    )
    await gateway.stop()


async def test_interfaces_that_do_not_exist_stop_the_start(model: StandIn) -> None:
    gateway = Gateway(loopback_settings(model.url, media_interfaces="nowhere*"))
    with pytest.raises(SettingsError, match=r"^MEDIA_INTERFACES=nowhere\*: none of this machine"):
        await gateway.start()
    await gateway.stop()


async def test_a_call_without_a_free_port_is_refused_and_others_go_on(model: StandIn) -> None:
    async with (
        running_gateway(model.url, udp_port_range="41320-41320") as gateway,
        TalkpathClient(gateway.url) as ann,
        TalkpathClient(gateway.url) as bob,
        TalkpathClient(gateway.url) as carol,
    ):
        for client in (ann, bob, carol):
            await client.connect()
        await ann.call(Microphone(), Speaker())
        with pytest.raises(ClientError, match="UDP_PORT_RANGE") as refused:
            await bob.call(Microphone(), Speaker())
        assert refused.value.code == "negotiation_failed"
        line = await model.line()
        await line.answer("Still here.", tone(0.2, 24_000).tobytes())
        await ann.wait_for("message", lambda m: m["content"] == "Still here.", since=0)
        await ann.hang_up()
        await carol.call(Microphone(), Speaker())


async def test_the_embedded_model_answers() -> None:
    async with running_gateway(None) as gateway:
        assert gateway.model_name == "embedded"
        async with Caller(gateway.url) as caller:
            await caller.join()
            await caller.reach_model()
            assert (await caller.ask("send_text", "Hello. What can you do?"))["ok"]
            spoken = await caller.wait("transcript_delta")
            assert spoken["role"] == "assistant"
            assert spoken["delta"]


async def test_a_folder_in_which_nothing_can_be_recorded_stops_the_start(
    model: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    gateway = Gateway(loopback_settings(model.url, record_dir=tmp_path / "file"))
    with pytest.raises(SettingsError, match=r"^RECORD_DIR=.*file: file exists$"):
        await gateway.start()
    await gateway.stop()
