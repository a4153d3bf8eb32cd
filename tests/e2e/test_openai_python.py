"""OpenAI's Python clients as they are installed, and nothing changed but their URL."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from client.python import Microphone
from client.python.peer import Peer
from signaling.app import Gateway
from tests import speech
from tests.event_recorder import check
from tests.realtime_gateways import (
    AGENTS,
    ALL,
    FREE,
    STRICT_AGENTS,
    STRICT_FREE,
    RealtimeGateways,
    realtime_gateways,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 20.0
BY_CLIENT = pytest.mark.parametrize("gateway", [FREE, STRICT_FREE], indirect=True)
BY_AGENTS = pytest.mark.parametrize("gateway", [AGENTS, STRICT_AGENTS], indirect=True)

SUPERVISOR = "getNextResponseFromSupervisor"
"""The one tool that the embedded model knows what to do with."""
TOOL: dict[str, Any] = {
    "type": "function",
    "name": SUPERVISOR,
    "description": "Says what to say.",
    "parameters": {"type": "object", "properties": {}},
}
BILL = "Why is my bill so high?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateways() -> AsyncIterator[RealtimeGateways]:
    async with realtime_gateways() as running:
        yield running


@pytest.fixture(params=ALL)
def gateway(request: pytest.FixtureRequest, gateways: RealtimeGateways) -> Iterator[Gateway]:
    yield gateways.by_name[request.param]
    assert not gateways.strict.take_faults()


@pytest.fixture(scope="module")
def line() -> np.ndarray[Any, np.dtype[np.int16]]:
    """Somebody speaks, and then waits for an answer."""
    words = speech.read_wav(speech.JFK, 24_000)[: 2 * 24_000]
    return np.concatenate([words, speech.silence(0.8, 24_000)])


def openai_of(gateway: Gateway, key: str = "any") -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=key,
        base_url=f"{gateway.url}/v1",
        websocket_base_url=f"{gateway.url.replace('http', 'ws', 1)}/v1",
        max_retries=0,
    )


async def heard(connection: AsyncRealtimeConnection, kind: str) -> list[Any]:
    """All events up to the next one of that type, which are by the book and no errors."""
    events: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while not events or events[-1].type != kind:
            event = await connection.recv()
            check(event.to_dict())
            assert event.type != "error", event
            events.append(event)
    return events


async def say(connection: AsyncRealtimeConnection, text: str) -> None:
    content: Any = [{"type": "input_text", "text": text}]
    item: Any = {"type": "message", "role": "user", "content": content}
    await connection.conversation.item.create(item=item)


def of(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


@BY_CLIENT
async def test_the_openai_package_runs_every_turn_by_hand(
    gateway: Gateway, line: np.ndarray[Any, np.dtype[np.int16]]
) -> None:
    async with openai_of(gateway) as client, client.realtime.connect(model="any") as connection:
        await heard(connection, "session.created")
        heard_as: Any = {"turn_detection": None, "transcription": {"model": "any"}}
        session: Any = {"type": "realtime", "tools": [TOOL], "audio": {"input": heard_as}}
        await connection.session.update(session=session)
        (updated,) = await heard(connection, "session.updated")
        assert updated.session.audio.input.turn_detection is None

        await say(connection, "Hello.")
        await connection.response.create(response={"output_modalities": ["text"]})
        events = await heard(connection, "response.done")
        assert of(events, "response.output_text.done")[0].text
        assert not of(events, "response.output_audio.delta")

        for start in range(0, len(line), 2_400):
            audio = base64.b64encode(line[start : start + 2_400].tobytes()).decode()
            await connection.input_audio_buffer.append(audio=audio)
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        events = await heard(connection, "response.done")
        assert events[-1].response.status == "completed"
        assert of(events, "input_audio_buffer.committed")
        assert of(events, "conversation.item.input_audio_transcription.completed")[0].transcript
        assert of(events, "response.output_audio.delta")

        await say(connection, "Tell me a story.")
        await connection.response.create()
        item_id = (await heard(connection, "response.output_audio.delta"))[-1].item_id
        await connection.response.cancel()
        events = await heard(connection, "response.done")
        assert events[-1].response.status == "cancelled"
        await connection.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=80
        )
        (cut,) = await heard(connection, "conversation.item.truncated")
        assert (cut.item_id, cut.audio_end_ms) == (item_id, 80)

        await say(connection, BILL)
        await connection.response.create()
        events = await heard(connection, "response.done")
        (call,) = of(events, "response.function_call_arguments.done")
        assert call.name == SUPERVISOR
        output: Any = {"type": "function_call_output", "call_id": call.call_id}
        await connection.conversation.item.create(item={**output, "output": "Nobody knows."})
        await connection.response.create()
        events = await heard(connection, "response.done")
        assert events[-1].response.status == "completed"
        assert of(events, "response.output_audio.delta")


@BY_AGENTS
async def test_the_openai_package_talks_to_agents(gateway: Gateway) -> None:
    async with openai_of(gateway) as client, client.realtime.connect(model="any") as connection:
        session: Any = {"type": "realtime", "instructions": "Be a pirate.", "tools": [TOOL]}
        await connection.session.update(session=session)
        updated = (await heard(connection, "session.updated"))[-1]
        assert updated.session.tools == []
        await say(connection, "Hello.")
        await connection.response.create()
        events = await heard(connection, "response.done")
        assert of(events, "response.output_audio_transcript.done")[0].transcript
        assert of(events, "response.output_audio.delta")


async def test_the_openai_package_opens_controls_and_ends_a_call(gateway: Gateway) -> None:
    microphone = Microphone()
    peer = Peer(microphone, [], "127.0.0.1")
    offer, _ = await peer.offer()
    session: Any = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
    async with openai_of(gateway) as server:
        key = (await server.realtime.client_secrets.create(session=session)).value
        async with openai_of(gateway, key) as page:
            answer = await page.realtime.calls.create(sdp=offer, session=session)
        await peer.accept(answer.text)
        await peer.wait_connected(10.0)
        call_id = answer.response.headers["Location"].rsplit("/", 1)[-1]
        async with server.realtime.connect(call_id=call_id) as sideband:
            created = (await heard(sideband, "session.created"))[-1]
            assert created.session.audio.output.voice == "cedar"
            await sideband.session.update(session={"type": "realtime", "instructions": "Hi."})
            await heard(sideband, "session.updated")
            await say(sideband, "Hello.")
            await sideband.response.create()
            await heard(sideband, "output_audio_buffer.started")
            await server.realtime.calls.hangup(call_id)
            async with asyncio.timeout(PATIENCE):
                async for _ in sideband:
                    pass
    microphone.stop()
    await peer.close()


# -- openai-agents

Wanted = Callable[[Any], bool]


async def until(session: RealtimeSession, wanted: Wanted | str) -> list[Any]:
    """What the session tells up to the next event that is wanted; none is an error."""
    matches = wanted if callable(wanted) else lambda event: event.type == wanted
    events: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        async for event in session:
            assert event.type != "error", event
            events.append(event)
            if matches(event):
                break
    return events


async def runs(gateway: Gateway, agent: RealtimeAgent[Any]) -> RealtimeSession:
    url = f"{gateway.url.replace('http', 'ws', 1)}/v1/realtime?model=any"
    return await RealtimeRunner(agent).run(model_config={"url": url, "api_key": "any"})


def roles(event: Any) -> list[str]:
    return [item.role for item in event.history if item.type == "message"]


async def test_the_agents_sdk_hears_an_answer(
    gateway: Gateway, line: np.ndarray[Any, np.dtype[np.int16]]
) -> None:
    agent: RealtimeAgent[Any] = RealtimeAgent(name="front", instructions="Greet the caller.")
    async with await runs(gateway, agent) as session:
        await session.send_audio(line.tobytes())
        events = await until(session, "agent_end")
        audio = b"".join(event.audio.data for event in of(events, "audio"))
        assert len(audio) > 24_000 // 4
        history = of(events, "history_updated")[-1]
        assert {"user", "assistant"} <= set(roles(history))


@BY_CLIENT
async def test_the_agents_sdk_runs_a_tool_and_interrupts(
    gateway: Gateway, line: np.ndarray[Any, np.dtype[np.int16]]
) -> None:
    asked: list[str] = []

    @function_tool(name_override=SUPERVISOR, strict_mode=False)
    async def supervisor() -> str:
        """Says what to say."""
        asked.append(SUPERVISOR)
        return "Nobody knows."

    agent: RealtimeAgent[Any] = RealtimeAgent(name="front", tools=[supervisor])
    async with await runs(gateway, agent) as session:
        await session.send_message(BILL)
        await until(session, "tool_end")
        assert asked == [SUPERVISOR]
        # The call was the end of one turn, what is made of its output is another.
        await until(session, "audio_end")
        await until(session, "agent_end")

        # With server VAD this client cuts what was played, and leaves the response to speech.
        await session.send_message("Tell me a story.")
        await until(session, "audio")
        await session.interrupt()
        await until(session, "audio_interrupted")
        await session.send_audio(line.tobytes())
        await until(session, "agent_end")
        await until(session, "audio_end")
        events = await until(session, "agent_end")
        assert set(roles(of(events, "history_updated")[-1])) == {"user", "assistant"}
