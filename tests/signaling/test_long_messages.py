"""Messages of many megabytes, and the event loop meanwhile."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from gateway.core.control import Control
from gateway.media.socket_audio import SocketAudio
from signaling.realtime_socket import MAX_MESSAGE
from tests.event_recorder import SocketClient
from tests.gateway.protocol_client import ProtocolClient
from tests.gateways import live_sessions, running_gateway
from tests.stand_in import StandIn

MOST = 0.005
"""Seconds that one turn of the loop may take."""


class Turns:
    """The longest turn of the loop, in seconds of this thread's own work: others share its core."""

    longest = 0.0

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _watch(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest = max(self.longest, now - before)
            before = now


def most_audio() -> bytes:
    """As much as fits into one event."""
    samples = (MAX_MESSAGE - 200) // 8 * 3
    return np.random.default_rng(1).integers(-9_000, 9_000, samples).astype("<i2").tobytes()


def append_of(audio: bytes) -> str:
    text = base64.b64encode(audio).decode()
    return json.dumps({"type": "input_audio_buffer.append", "audio": text})


async def test_fifteen_megabytes_are_taken_in() -> None:
    audio = most_audio()
    message = append_of(audio)
    assert len(message) > MAX_MESSAGE - 1_000
    free = {"client_control": Control.PASS_THROUGH}
    async with (
        StandIn() as model,
        running_gateway(model.url, **free) as gateway,
        SocketClient(gateway.url, "model=any") as client,
    ):
        await client.send_raw(message)
        await client.send("input_audio_buffer.commit")
        line = await model.line()
        await line.wait_for("input_audio_buffer.commit")
        assert bytes(line.audio) == audio, "the commit came behind all of it"


async def test_eight_megabytes_hold_nobody_up() -> None:
    message = append_of(most_audio()[: 6 << 20])
    free: dict[str, Any] = {"ends_with_leg": True, "control": Control.PASS_THROUGH}
    turns = Turns()
    async with StandIn() as model, live_sessions(model.url) as sessions:
        client = ProtocolClient(sessions.open("ann", **free))
        await client.wait("session.created")
        async with turns.watched():
            await client.session.clients.receive_long(client.line, message)
            await client.send("input_audio_buffer.commit")
            await (await model.line()).wait_for("input_audio_buffer.commit")
    assert turns.longest < MOST


async def test_a_long_message_keeps_its_place_and_a_bad_one_harms_nobody() -> None:
    audio = most_audio()[: 24_000 * 8]
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        SocketClient(gateway.url, "model=any") as client,
    ):
        long = append_of(audio)
        await client.send_raw(long.replace('"}', '%"}'))
        await client.send_raw(long.replace('"}', '"'))
        await client.send_raw(long)
        await client.send_raw(append_of(audio[:480]))
        await client.send("input_audio_buffer.commit", event_id="mine")
        line = await model.line()
        await line.wait_for("input_audio_buffer.commit")
        assert bytes(line.audio) == audio + audio[:480]
        errors = [event["error"] for event in client.of("error")]
        assert [error["code"] for error in errors] == ["invalid_value", "invalid_json"]
        assert errors[0]["param"] == "audio"


async def test_a_telephones_long_message_is_converted_as_one_stream() -> None:
    coded = bytes(range(256)) * 1_000
    own = SocketAudio()
    own.configure(heard="audio/pcmu")
    wanted = own.decode(base64.b64encode(coded).decode())
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        SocketClient(gateway.url, "model=any") as client,
    ):
        sides = {"input": {"format": {"type": "audio/pcmu"}}}
        await client.send("session.update", session={"type": "realtime", "audio": sides})
        await client.send_raw(append_of(coded))
        line = await model.line()
        assert await line.wait_for_audio(len(wanted) // 2) == wanted
