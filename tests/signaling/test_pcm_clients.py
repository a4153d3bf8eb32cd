"""Clients without WebRTC, as those of the old bridge: Socket.IO and raw PCM16, by its documents."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.signaling.callers import Bare, Caller
from tests.stand_in import StandIn

RATE = 24_000
SPEECH = np.random.default_rng(3).integers(-9_000, 9_000, RATE).astype("<i2").tobytes()
CHUNKS = [SPEECH[start : start + 4_800] for start in range(0, len(SPEECH), 4_800)]
"""100 ms each."""


def wire(chunk: bytes, form: str) -> bytes | str:
    return chunk if form == "bytes" else base64.b64encode(chunk).decode()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize("form", ["bytes", "base64"])
async def test_chunks_of_100_ms_reach_the_model_and_are_acknowledged(
    gateway: Gateway, model: StandIn, form: str, transport: str
) -> None:
    async with Caller(gateway.url, transport) as caller:
        await caller.join(userId="npc-7")
        await caller.ask("mute", False)
        for chunk in CHUNKS:
            assert await caller.ask("send_audio", wire(chunk, form)) == {
                **{"ok": True, "format": "pcm16", "sampleRate": RATE},
                **{"channels": 1, "durationMs": 100},
            }
        line = await model.line()
        assert await line.wait_for_audio(RATE) == SPEECH


async def test_push_to_talk(gateway: Gateway, model: StandIn) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        line = await model.line()
        assert (await caller.ask("mute", True))["ok"]
        assert (await caller.ask("clear_audio"))["ok"]
        for chunk in CHUNKS:
            assert (await caller.ask("send_audio", {"audio": chunk, "format": "pcm16"}))["ok"]
        assert (await caller.ask("commit_audio"))["ok"]
        await line.wait_for("response.create")
        assert bytes(line.audio) == SPEECH
        assert [event["type"] for event in line.received] == [
            *("session.update", "input_audio_buffer.clear", "session.update"),
            *("input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"),
        ]


async def test_what_header_less_audio_is_can_be_set(model: StandIn) -> None:
    async with (
        running_gateway(model.url, audio_sample_rate=48_000, audio_channels=2) as gateway,
        Caller(gateway.url) as caller,
    ):
        await caller.join()
        sent = await caller.ask("send_audio", bytes(48_000 * 4), "pcm16")
        assert sent["sampleRate"] == 48_000
        assert sent["channels"] == 2
        assert sent["durationMs"] == 1000
        assert (await caller.ask("commit_audio"))["ok"]
        line = await model.line()
        await line.wait_for("response.create")
        assert len(line.audio) == RATE * 2


@pytest.mark.parametrize("form", ["bytes", "base64"])
async def test_the_largest_audio_passes_and_one_byte_more_is_too_large(
    model: StandIn, form: str
) -> None:
    size = 3_000_000
    async with (
        running_gateway(model.url, max_audio_size=size) as gateway,
        Caller(gateway.url) as caller,
    ):
        await caller.join()
        assert (await caller.ask("send_audio", wire(bytes(size), form)))["ok"]
        refused = await caller.ask("send_audio", wire(bytes(size + 1), form))
        assert refused["error"]["code"] == "too_large"
        assert (await caller.ask("interrupt")) == {"ok": True}
        line = await model.line()
        await line.wait_for_audio(size // 2)


async def test_more_than_any_audio_closes_the_connection_and_the_session_can_be_resumed(
    model: StandIn,
) -> None:
    async with running_gateway(model.url, max_audio_size=2_000_000) as gateway:
        async with Bare(gateway.url) as bare:
            await bare.connect()
            joined = await bare.ask(1, "join_session", {})
            await bare.send('422["send_audio","' + "A" * 2_700_000 + '"]')
            assert await bare.closed() == 1009
        async with Caller(gateway.url) as caller:
            assert (await caller.resume(joined))["ok"]


BAD: list[tuple[tuple[Any, ...], str]] = [
    ((), "bad_request"),
    ((None,), "bad_request"),
    ((12,), "bad_request"),
    (([1, 2, 3],), "bad_request"),
    (("not base64!",), "bad_request"),
    (({"format": "pcm16"},), "bad_request"),
    ((b"\0\0", 16), "bad_request"),
    ((b"\0\0", "pcm99"), "unsupported_format"),
]


async def test_bad_audio_is_refused_and_the_session_goes_on(
    gateway: Gateway, model: StandIn
) -> None:
    async with Caller(gateway.url) as caller:
        assert (await caller.ask("send_audio", b"\0\0"))["error"]["code"] == "no_session"
        await caller.join()
        for args, code in BAD:
            refused = await caller.ask("send_audio", *args)
            assert refused["error"]["code"] == code, args
        assert (await caller.ask("send_audio", SPEECH))["ok"]
        assert await (await model.line()).wait_for_audio(RATE) == SPEECH
        assert (await caller.ask("disconnect_session"))["ok"]
        assert caller.of("session_status")[-1]["status"] == "DISCONNECTED"
