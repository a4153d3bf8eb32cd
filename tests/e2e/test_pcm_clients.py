"""A client without WebRTC and the embedded model: human speech up, a spoken answer down."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from tests.gateways import running_gateway
from tests.recordings import encode
from tests.signaling.callers import Caller
from tests.speech import PROMPTS, prompt, read_wav, silence, word_error_rate

RATE = 24_000


@pytest.mark.timeout(90)
async def test_raw_chunks_and_a_recording_are_understood_and_answered() -> None:
    first, second = "conf-onlyperson", "please-try-call-later"
    async with running_gateway(None) as gateway, Caller(gateway.url) as caller:
        await caller.join(userId="npc-7")
        await caller.reach_model()
        assert (await caller.ask("mute", False))["ok"]
        spoken = np.concatenate((read_wav(prompt(first), RATE), silence(1.0, RATE)))
        pcm = spoken.astype("<i2").tobytes()
        for number, start in enumerate(range(0, len(pcm), 4_800)):
            chunk = pcm[start : start + 4_800]
            text = base64.b64encode(chunk).decode()
            assert (await caller.ask("send_audio", text if number % 2 else chunk))["ok"]
        heard = await caller.wait("message", lambda m: m["role"] == "user")
        assert word_error_rate(PROMPTS[first], heard["content"]) <= 0.1, heard
        await caller.wait("message", lambda m: m["role"] == "assistant")
        voice = b"".join(map(base64.b64decode, caller.of("audio_response")))
        assert np.abs(np.frombuffer(voice, "<i2")).max() > 2_000

        assert (await caller.ask("mute", True))["ok"]
        assert (await caller.ask("clear_audio"))["ok"]
        recorded = encode("webm", read_wav(prompt(second), 48_000), 48_000)
        assert (await caller.ask("send_audio", recorded, "webm"))["ok"]
        assert (await caller.ask("commit_audio"))["ok"]
        heard = await caller.wait("message", lambda m: m["role"] == "user", count=2)
        assert word_error_rate(PROMPTS[second], heard["content"]) <= 0.1, heard
        await caller.wait("audio_response", count=len(caller.of("audio_response")) + 10)
        assert (await caller.ask("interrupt"))["ok"]
        assert (await caller.ask("disconnect_session"))["ok"]
        assert caller.of("session_status")[-1]["status"] == "DISCONNECTED"
        assert not caller.of("error")
