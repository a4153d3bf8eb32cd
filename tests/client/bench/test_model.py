import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio

from client.python.bench.answers import event
from client.python.bench.model import MockModel, ModelLine


class Listener:
    def __init__(self) -> None:
        self.lines: list[ModelLine] = []
        self.appends: list[tuple[bytes, float]] = []
        self.events: list[dict[str, Any]] = []
        self.told: asyncio.Queue[str] = asyncio.Queue()

    def on_model_open(self, line: ModelLine) -> None:
        self.lines.append(line)
        self.told.put_nowait("open")

    def on_append(self, pcm: bytes, at: float) -> None:
        self.appends.append((pcm, at))
        self.told.put_nowait("append")

    def on_client_event(self, event: dict[str, Any], at: float) -> None:
        self.events.append(event)
        self.told.put_nowait("event")

    def on_model_closed(self, line: ModelLine) -> None:
        self.told.put_nowait("closed")

    async def next(self) -> str:
        async with asyncio.timeout(5):
            return await self.told.get()


@pytest_asyncio.fixture
async def model() -> AsyncIterator[MockModel]:
    mock = MockModel()
    await mock.start()
    yield mock
    await mock.stop()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_connection_is_its_calls_and_audio_is_timed(
    model: MockModel, http: aiohttp.ClientSession
) -> None:
    first, second = Listener(), Listener()
    model.expect(1, first)
    model.expect(2, second)
    async with http.ws_connect(f"{model.url}?model=call-1") as socket:
        assert await first.next() == "open"
        assert (await socket.receive_json())["type"] == "session.created"
        before = time.monotonic()
        audio = base64.b64encode(b"\x01\x02\x03\x04").decode()
        await socket.send_json({"type": "input_audio_buffer.append", "audio": audio})
        assert await first.next() == "append"
        ((pcm, at),) = first.appends
        assert pcm == b"\x01\x02\x03\x04"
        assert before <= at <= time.monotonic()
    assert await first.next() == "closed"
    assert second.told.empty()


async def test_without_a_name_it_is_the_call_being_set_up(
    model: MockModel, http: aiohttp.ClientSession
) -> None:
    first, second = Listener(), Listener()
    model.expect(1, first)
    model.expect(2, second)
    async with http.ws_connect(f"{model.url}?model=gpt-realtime"):
        assert await second.next() == "open"
    assert first.told.empty()


async def test_a_connection_of_no_call_is_closed_and_counted(
    model: MockModel, http: aiohttp.ClientSession
) -> None:
    over = Listener()
    model.expect(3, over)
    model.forget(3)
    async with http.ws_connect(f"{model.url}?model=call-3") as socket:
        async with asyncio.timeout(5):
            message = await socket.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert model.strays == 1
    assert over.told.empty()


async def test_a_session_update_is_acknowledged_and_passed_on(
    model: MockModel, http: aiohttp.ClientSession
) -> None:
    listener = Listener()
    model.expect(1, listener)
    async with http.ws_connect(model.url) as socket:
        await socket.receive_json()
        await socket.send_json({"type": "session.update", "session": {"voice": "v"}})
        updated = await socket.receive_json()
        assert (updated["type"], updated["session"]["voice"]) == ("session.updated", "v")
        assert [await listener.next(), await listener.next()] == ["open", "event"]
        assert listener.events[0]["type"] == "session.update"


async def test_events_are_sent_in_order(model: MockModel, http: aiohttp.ClientSession) -> None:
    listener = Listener()
    model.expect(1, listener)
    async with http.ws_connect(model.url) as socket:
        await socket.receive_json()
        await listener.next()
        listener.lines[0].send(event("a"), event("b"))
        assert [(await socket.receive_json())["type"] for _ in "ab"] == ["a", "b"]


async def test_what_is_no_websocket_is_hung_up_on(model: MockModel) -> None:
    port = int(model.url.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_white_space_in_an_append_does_not_matter(
    model: MockModel, http: aiohttp.ClientSession
) -> None:
    listener = Listener()
    model.expect(1, listener)
    async with http.ws_connect(model.url) as socket:
        await listener.next()
        await socket.send_str(
            json.dumps({"event_id": "e", "audio": "AAA=", "type": "input_audio_buffer.append"})
        )
        assert await listener.next() == "append"
    assert listener.appends[0][0] == b"\0\0"
