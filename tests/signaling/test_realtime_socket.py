"""OpenAI's protocol through the gateway: both models behind it, every event checked."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from gateway.core.ending import Ending
from gateway.local_model.audio import AudioFormat
from signaling import client_inbox
from signaling.app import Gateway
from tests import speech
from tests.event_recorder import ChannelClient, SocketClient
from tests.gateways import running_gateway
from tests.realtime_gateways import (
    AGENTS,
    ALL,
    FREE,
    STRICT_AGENTS,
    STRICT_FREE,
    RealtimeGateways,
    realtime_gateways,
)
from tests.signaling.callers import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST_WORDS = "And so, my fellow Americans,"
WEATHER: dict[str, Any] = {"type": "function", "name": "weather", "parameters": {"type": "object"}}


def first_words(rate: int = 24_000) -> np.ndarray[Any, np.dtype[np.int16]]:
    line = speech.read_wav(speech.JFK, rate)[: 3 * rate]
    return np.concatenate([line, speech.silence(1.0, rate)])


def base64_of(line: np.ndarray[Any, Any], form: AudioFormat = AudioFormat.PCM) -> str:
    return base64.b64encode(form.encode(line)).decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateways() -> AsyncIterator[RealtimeGateways]:
    async with realtime_gateways() as running:
        yield running


@pytest.fixture
def agents(gateways: RealtimeGateways) -> Gateway:
    return gateways.by_name[AGENTS]


@pytest.fixture
def free(gateways: RealtimeGateways) -> Gateway:
    return gateways.by_name[FREE]


@pytest.fixture(params=ALL)
def gateway(request: pytest.FixtureRequest, gateways: RealtimeGateways) -> Iterator[Gateway]:
    yield gateways.by_name[request.param]
    assert not gateways.strict.take_faults()


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def no_sessions_after(agents: Gateway, free: Gateway) -> AsyncIterator[None]:
    """On a busy machine the model takes its time to say goodbye."""
    yield
    await until(lambda: not agents.sessions and not free.sessions)


async def test_a_spoken_turn_over_the_socket(gateway: Gateway) -> None:
    async with SocketClient(gateway.url, "model=any") as client:
        assert client.socket.protocol == "realtime"
        await client.send("input_audio_buffer.append", audio=base64_of(first_words()))
        done = await client.wait("response.done")
        assert client.kinds[0] == "session.created"
        assert done["response"]["status"] == "completed"
        assert sum(len(e["delta"]) for e in client.of("response.output_audio.delta")) > 20_000
        assert not [kind for kind in client.kinds if kind.startswith("output_audio_buffer")]
        client.check()


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
async def test_a_telephones_audio_over_the_socket(free: Gateway, kind: str) -> None:
    form = AudioFormat(kind)
    async with SocketClient(free.url, "model=any") as client:
        audio = {"format": {"type": kind}}
        session = {
            "type": "realtime",
            "audio": {"input": {**audio, "transcription": {"model": "any"}}, "output": audio},
        }
        await client.send("session.update", session=session)
        updated = await client.wait("session.updated")
        assert updated["session"]["audio"]["output"]["format"] == {"type": kind}
        await client.send("input_audio_buffer.append", audio=base64_of(first_words(8_000), form))
        heard = await client.wait("conversation.item.input_audio_transcription.completed")
        assert speech.word_error_rate(FIRST_WORDS, heard["transcript"]) <= 0.25
        await client.wait("response.done")
        said = b"".join(
            base64.b64decode(e["delta"]) for e in client.of("response.output_audio.delta")
        )
        loud = np.abs(form.decode(said).astype(int))
        assert 8_000 < len(said) < 80_000
        assert loud.max() > 1_000
        client.check()


async def test_a_call_is_told_what_is_heard(gateway: Gateway) -> None:
    async with ChannelClient(gateway.url) as client:
        await client.wait("session.created")
        item = {"type": "message", "role": "user"}
        content = [{"type": "input_text", "text": "Tell me a story."}]
        await client.send("conversation.item.create", item={**item, "content": content})
        await client.send("response.create")
        started = await client.wait("output_audio_buffer.started")
        await client.send("response.cancel")
        await client.send("output_audio_buffer.clear")
        cleared = await client.wait("output_audio_buffer.cleared")
        assert cleared["response_id"] == started["response_id"]
        await client.wait("conversation.item.truncated")
        await client.wait("response.done")
        goodbye = [{"type": "input_text", "text": "Goodbye."}]
        await client.send("conversation.item.create", item={**item, "content": goodbye})
        await client.send("response.create")
        started = await client.wait("output_audio_buffer.started", 2)
        stopped = await client.wait("output_audio_buffer.stopped")
        assert stopped["response_id"] == started["response_id"]
        kinds = client.kinds
        last_done = len(kinds) - 1 - kinds[::-1].index("response.done")
        assert last_done < kinds.index("output_audio_buffer.stopped")
        assert "response.output_audio.delta" not in kinds
        assert not client.of("error")
        client.check()


async def test_agents_keep_their_instructions_and_tools(agents: Gateway) -> None:
    async with SocketClient(agents.url, "model=any") as client:
        session = {"type": "realtime", "instructions": "Be a pirate.", "tools": [WEATHER]}
        await client.send("session.update", session=session)
        updated = await client.wait("session.updated")
        assert "instructions" not in updated["session"]
        assert updated["session"]["tools"] == []
        system = [{"type": "input_text", "text": "Be a pirate."}]
        item = {"type": "message", "role": "system", "content": system}
        await client.send("conversation.item.create", event_id="mine", item=item)
        error = (await client.wait("error"))["error"]
        assert error["event_id"] == "mine"
        assert error["param"] == "item.role"
        response = {"instructions": "Be a pirate."}
        await client.send("response.create", event_id="mine too", response=response)
        error = (await client.wait("error", 2))["error"]
        assert error["event_id"] == "mine too"
        assert error["param"] == "response.instructions"
        client.check()


async def test_the_client_configures_a_free_session(free: Gateway) -> None:
    async with SocketClient(free.url, "model=any") as client:
        session = {"type": "realtime", "instructions": "Be kind.", "tools": [WEATHER]}
        await client.send("session.update", session=session)
        updated = await client.wait("session.updated")
        assert updated["session"]["instructions"] == "Be kind."
        assert [tool["name"] for tool in updated["session"]["tools"]] == ["weather"]
        bad = {"type": "realtime", "output_modalities": ["smell"]}
        await client.send("session.update", event_id="mine", session=bad)
        error = (await client.wait("error"))["error"]
        assert error["event_id"] == "mine"
        assert error["param"]
        await client.send("session.update", session={"type": "realtime", "instructions": "Hi."})
        updated = await client.wait("session.updated", 2)
        assert updated["session"]["instructions"] == "Hi."
        assert [tool["name"] for tool in updated["session"]["tools"]] == ["weather"]
        client.check()


async def test_what_cannot_be_understood_is_told_and_harms_nobody(gateway: Gateway) -> None:
    async with SocketClient(gateway.url, "model=any") as client:
        await client.wait("session.created")
        await client.send_raw("{")
        await client.send("response.dance", event_id="mine")
        await client.send("conversation.item.retrieve")
        await client.send("input_audio_buffer.append", audio="%")
        await client.send("output_audio_buffer.clear")
        await client.wait("error", 5)
        errors = [event["error"] for event in client.of("error")]
        assert errors[0]["code"] == "invalid_json"
        assert "response.dance" in errors[1]["message"]
        assert (errors[1]["event_id"], errors[1]["param"]) == ("mine", "type")
        assert [error["param"] for error in errors[2:]] == ["item_id", "audio", "type"]
        await client.send("session.update", session={"type": "realtime"})
        await client.wait("session.updated")
        client.check()


@pytest.mark.parametrize("gateway", [AGENTS, STRICT_AGENTS, STRICT_FREE], indirect=True)
async def test_servers_look_on_and_take_part(gateway: Gateway) -> None:
    async with ChannelClient(gateway.url) as caller:
        await caller.wait("session.created")
        query = f"call_id={caller.call_id}"
        async with SocketClient(gateway.url, query) as one, SocketClient(gateway.url, query) as two:
            await one.wait("session.created")
            await two.wait("session.created")
            session = {"type": "realtime", "tools": [WEATHER]}
            await one.send("session.update", session=session)
            for client in (one, two, caller):
                updated = await client.wait("session.updated")
                assert [tool["name"] for tool in updated["session"]["tools"]] == ["weather"]
            item = {"type": "message", "role": "user"}
            content = [{"type": "input_text", "text": "Hello."}]
            await two.send("conversation.item.create", item={**item, "content": content})
            await two.send("response.create")
            for client in (one, two, caller):
                await client.wait("output_audio_buffer.stopped")
                client.check()
            assert one.events[1:] == two.events[1:]
            since = caller.events.index(one.events[1])
            assert caller.events[since:] == one.events[1:]
        await caller.send("response.cancel", event_id="late")
        error = (await caller.wait("error"))["error"]
        assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "late")


async def test_a_sideband_ends_with_its_call(agents: Gateway) -> None:
    async with ChannelClient(agents.url) as caller:
        await caller.wait("session.created")
        client = SocketClient(agents.url, f"call_id={caller.call_id}")
        await client.__aenter__()
        await client.wait("session.created")
    async with asyncio.timeout(10):
        await client.closed.wait()
    assert client.socket.close_code == 1000
    await client.__aexit__()


async def test_what_is_sent_after_the_client_left_harms_nobody(agents: Gateway) -> None:
    async with SocketClient(agents.url, "model=any") as client:
        await client.send("input_audio_buffer.append", audio=base64_of(first_words()))
        await client.wait("input_audio_buffer.speech_started")
    assert agents.sessions is not None
    await until(lambda: len(agents.sessions or ()) == 0)


async def test_keys_and_calls_that_are_none_are_refused(agents: Gateway) -> None:
    url = f"{agents.url.replace('http', 'ws', 1)}/v1"
    async with AsyncOpenAI(api_key="ek_none", websocket_base_url=url, max_retries=0) as client:
        with pytest.raises(InvalidStatus) as refused:
            await client.realtime.connect(model="any").enter()
    assert refused.value.response.status_code == 401
    async with AsyncOpenAI(api_key="any", websocket_base_url=url, max_retries=0) as client:
        with pytest.raises(InvalidStatus) as refused:
            await client.realtime.connect(call_id="rtc_none").enter()
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("client_leaves", [True, False])
async def test_who_waits_for_a_model_that_does_not_come_may_leave(
    monkeypatch: pytest.MonkeyPatch, client_leaves: bool
) -> None:
    monkeypatch.setattr(client_inbox, "LEAVE_TIMEOUT", 0.05)
    async with running_gateway("ws://127.0.0.1:9") as gateway:
        assert gateway.sessions is not None
        async with SocketClient(gateway.url, "model=any") as client:
            await client.send("response.create")
            await client.send("input_audio_buffer.append", audio=base64_of(first_words()))
            await until(lambda: len(gateway.sessions or ()) == 1)
            if not client_leaves:
                (session,) = gateway.sessions._live.values()
                await gateway.sessions.end(session, Ending.CONTROLLED)
                async with asyncio.timeout(10):
                    await client.closed.wait()
        await until(lambda: len(gateway.sessions or ()) == 0)
