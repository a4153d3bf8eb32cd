"""A client without WebRTC and the embedded model: human speech up, a spoken answer down."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import numpy as np
import pytest

from tests.gateways import running_gateway
from tests.npm import ROOT, installed
from tests.recordings import encode
from tests.signaling.callers import Caller
from tests.speech import PROMPTS, prompt, read_wav, silence, word_error_rate

RATE = 24_000


def chunks(name: str) -> list[bytes]:
    """A prompt and a second of silence, 100 ms at a time."""
    spoken = np.concatenate((read_wav(prompt(name), RATE), silence(1.0, RATE)))
    pcm = spoken.astype("<i2").tobytes()
    return [pcm[start : start + 4_800] for start in range(0, len(pcm), 4_800)]


@pytest.mark.timeout(90)
async def test_raw_chunks_and_a_recording_are_understood_and_answered() -> None:
    first, second = "conf-onlyperson", "please-try-call-later"
    async with running_gateway(None) as gateway, Caller(gateway.url) as caller:
        await caller.join(userId="npc-7")
        await caller.reach_model()
        assert (await caller.ask("mute", False))["ok"]
        for chunk in chunks(first):
            assert (await caller.ask("send_audio", chunk))["ok"]
        heard = await caller.wait("message", lambda m: m["role"] == "user")
        assert word_error_rate(PROMPTS[first], heard["content"]) <= 0.1, heard
        await caller.wait("message", lambda m: m["role"] == "assistant")
        voice = b"".join(map(base64.b64decode, caller.of("audio_response")))
        assert np.abs(np.frombuffer(voice, "<i2")).max() > 2_000

        for chunk in chunks(first):
            assert (await caller.ask("send_audio", base64.b64encode(chunk).decode()))["ok"]
        heard = await caller.wait("message", lambda m: m["role"] == "user", count=2)
        assert word_error_rate(PROMPTS[first], heard["content"]) <= 0.1, heard
        await caller.wait("message", lambda m: m["role"] == "assistant", count=2)

        assert (await caller.ask("mute", True))["ok"]
        assert (await caller.ask("clear_audio"))["ok"]
        recorded = encode("webm", read_wav(prompt(second), 48_000), 48_000)
        assert (await caller.ask("send_audio", recorded, "webm"))["ok"]
        assert (await caller.ask("commit_audio"))["ok"]
        heard = await caller.wait("message", lambda m: m["role"] == "user", count=3)
        assert word_error_rate(PROMPTS[second], heard["content"]) <= 0.1, heard
        await caller.wait("audio_response", count=len(caller.of("audio_response")) + 10)
        assert (await caller.ask("interrupt"))["ok"]
        assert (await caller.ask("disconnect_session"))["ok"]
        assert caller.of("session_status")[-1]["status"] == "DISCONNECTED"
        assert not caller.of("error")


@pytest.mark.timeout(90)
async def test_socket_io_s_own_client_is_understood_and_answered(tmp_path: Path) -> None:
    installed("socket.io-client")
    said = "conf-onlyperson"
    player, character = tmp_path / "player.pcm", tmp_path / "character.pcm"
    player.write_bytes(b"".join(chunks(said)))
    async with running_gateway(None) as gateway:
        engine = await asyncio.create_subprocess_exec(
            *("node", str(ROOT / "examples/node/game_engine.mjs")),
            *(str(player), str(character), gateway.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                printed, errors = await engine.communicate()
        finally:
            if engine.returncode is None:
                engine.kill()
                await engine.wait()
    assert (engine.returncode, errors.decode()) == (0, "")
    lines = printed.decode().splitlines()
    heard = next(line for line in lines if line.startswith("player: "))
    assert word_error_rate(PROMPTS[said], heard.removeprefix("player: ")) <= 0.1, lines
    assert any(line.startswith("character: ") for line in lines)
    assert np.abs(np.frombuffer(character.read_bytes(), "<i2")).max() > 2_000
