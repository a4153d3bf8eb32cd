"""The server on a socket, with pretended models; and once with the real ones under load."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.local_model.outputs import Work
from gateway.local_model.server import ModelServer
from gateway.local_model.speech import Speech
from tests import speech
from tests.gateway.local_model.desk import loudness, quiet, voice
from tests.gateway.local_model.talker import PATIENCE, Talker, talking

STORY = [{"type": "input_text", "text": "Tell me a story."}]


def pretend(work: Work) -> None:
    if isinstance(work, Speech):
        work.audio = bytes(48_000)
    else:
        work.text = "goodbye"


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[str]:
    server = ModelServer(pretend, new_scorer=lambda: loudness, **options)
    try:
        yield await server.start("127.0.0.1", 0)
    finally:
        await server.close()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving() as url:
        yield url


async def test_a_spoken_turn(url: str) -> None:
    async with talking(url) as talker:
        created = await talker.wait_for("session.created")
        assert created["session"]["model"] == "test"
        await talker.append(np.concatenate([voice(1), quiet(1)]))
        await talker.wait_for("response.done")
        assert len(talker.audio()) == 2 * 24_000


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ([], None),
        (["realtime"], "realtime"),
        (["realtime", "openai-insecure-api-key.ek_1", "openai-agents-sdk.0.20.0"], "realtime"),
        (["something.else"], None),
    ],
)
async def test_subprotocols(url: str, offered: list[str], selected: str | None) -> None:
    subprotocols = [Subprotocol(name) for name in offered] or None
    async with connect(url, subprotocols=subprotocols) as socket:
        assert socket.subprotocol == selected


async def test_any_key_opens_it(url: str) -> None:
    headers = {"Authorization": "Bearer sk-anything"}
    async with talking(url, additional_headers=headers) as talker:
        await talker.wait_for("session.created")


async def test_other_paths_are_not_found(url: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(url.replace("realtime", "unreal"))
    assert caught.value.response.status_code == 404


BAD: list[str | bytes] = [
    "",
    "{",
    "null",
    "[]",
    "[" * 50_000,
    b"\x00\xff",
    "{}",
    '{"type": null}',
    '{"type": "session.begin"}',
    '{"type": "session.update"}',
    '{"type": "session.update", "session": {"audio": 3}}',
    '{"type": "session.update", "session": {"voice": "alloy"}}',
    '{"type": "session.update", "session": {"audio": {"output": {"speed": 1e999}}}}',
    '{"type": "input_audio_buffer.append", "audio": "*"}',
    '{"type": "input_audio_buffer.append", "audio": "AAAA"}',
    '{"type": "input_audio_buffer.append", "audio": ["AA=="]}',
    '{"type": "input_audio_buffer.commit"}',
    '{"type": "output_audio_buffer.clear"}',
    '{"type": "conversation.item.create", "item": {}}',
    '{"type": "conversation.item.create", "item": {"type": "message", "role": "robot"}}',
    '{"type": "conversation.item.delete", "item_id": ""}',
    '{"type": "conversation.item.retrieve", "item_id": "\\ud800"}',
    '{"type": "conversation.item.truncate", "item_id": "x", "content_index": 0}',
    '{"type": "response.create", "response": "now"}',
    '{"type": "response.create", "response": {"metadata": {"a": {}}}}',
    '{"type": "response.cancel"}',
]


async def test_bad_messages_are_answered_and_the_session_goes_on(url: str) -> None:
    async with talking(url) as talker:
        for count, message in enumerate(BAD, 1):
            await talker.socket.send(message)
            error = await talker.wait_for("error", count)
            assert error["error"]["type"] == "invalid_request_error"
        await talker.append(np.concatenate([voice(1), quiet(1)]))
        await talker.wait_for("response.done")
        assert len(talker.all("error")) == len(BAD)


async def test_large_appends(url: str) -> None:
    async with talking(url) as talker:
        await talker.update_input(turn_detection=None)
        too_much = base64.b64encode(bytes(15 * 1024 * 1024 + 2)).decode()
        await talker.send("input_audio_buffer.append", audio=too_much, event_id="big")
        error = await talker.wait_for("error")
        assert error["error"]["event_id"] == "big"
        as_much_as_may_be = base64.b64encode(bytes(15 * 1024 * 1024)).decode()
        await talker.send("input_audio_buffer.append", audio=as_much_as_may_be)
        await talker.send("input_audio_buffer.clear")
        await talker.wait_for("input_audio_buffer.cleared")
        assert len(talker.all("error")) == 1


async def test_a_long_append_does_not_hold_up_others(url: str) -> None:
    async with talking(url) as long, talking(url) as other:
        minutes = base64.b64encode(bytes(12 * 1024 * 1024)).decode()
        await long.send("input_audio_buffer.append", audio=minutes)
        await long.send("input_audio_buffer.clear")
        for count in range(1, 20):
            await other.send("input_audio_buffer.clear")
            await other.wait_for("input_audio_buffer.cleared", count)
        await long.wait_for("input_audio_buffer.cleared")


async def test_a_session_ends_at_its_limit() -> None:
    async with serving(longest_session=0.05) as url, talking(url) as talker:
        error = await talker.wait_for("error")
        assert error["error"]["code"] == "session_expired"
        await talker.socket.wait_closed()
        assert talker.socket.close_code == 1001
        assert len(talker.all("error")) == 1


async def test_a_client_that_reads_nothing_is_cut_off(url: str) -> None:
    async with connect(url, max_queue=1, max_size=None) as socket:
        created = json.loads(await socket.recv())
        assert created["type"] == "session.created"
        update = json.dumps({"type": "session.update", "session": {"instructions": "x" * 200_000}})
        with pytest.raises(ConnectionClosed):
            await _send_for_ever(socket, update)


async def _send_for_ever(socket: ClientConnection, message: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            await socket.send(message)


async def test_closing_ends_sessions_that_speak() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serving() as url:
            talker = await stack.enter_async_context(talking(url))
            item = {"type": "message", "role": "user", "content": STORY}
            await talker.send("conversation.item.create", item=item)
            await talker.send("response.create")
            await talker.wait_for("response.output_audio.delta")
        await talker.socket.wait_closed()
        assert talker.socket.close_code == 1001


async def test_twenty_sessions_at_once(model_url: str) -> None:
    line = np.concatenate([speech.read_wav(speech.JFK, 24_000)[:72_000], speech.silence(1, 24_000)])

    async def session() -> Talker:
        async with talking(model_url) as talker:
            await talker.update_input(transcription={"model": "any"})
            await talker.append(line)
            await talker.wait_for("response.done")
            return talker

    for talker in await asyncio.gather(*(session() for _ in range(20))):
        assert talker.all("error") == []
        transcript = talker.all("conversation.item.input_audio_transcription.completed")[0]
        assert "fellow Americans" in transcript["transcript"]
        assert len(talker.audio()) > 24_000
