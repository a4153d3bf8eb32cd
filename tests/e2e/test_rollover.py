"""The embedded model under a time limit of seconds: human speech over several connections to it."""

import asyncio

import numpy as np
import pytest
import structlog

from tests.gateways import running_gateway
from tests.signaling.callers import Caller
from tests.speech import PROMPTS, prompt, read_wav, silence, word_error_rate

RATE = 24_000
TURNS = ("conf-onlyperson", "vm-msgsaved", "please-try-call-later") * 2


@pytest.mark.timeout(120)
async def test_every_word_is_understood_though_the_model_is_changed_all_the_time() -> None:
    pieces = [piece for name in TURNS for piece in (read_wav(prompt(name), RATE), silence(2, RATE))]
    pcm = np.concatenate(pieces).astype("<i2").tobytes()
    with structlog.testing.capture_logs() as records:
        async with (
            running_gateway(None, realtime_session_limit=5.0) as gateway,
            Caller(gateway.url) as caller,
        ):
            await caller.join()
            await caller.reach_model()
            clock = asyncio.get_running_loop().time
            next_at = clock()
            for start in range(0, len(pcm), 4_800):
                assert (await caller.ask("send_audio", pcm[start : start + 4_800]))["ok"]
                next_at += 0.1
                await asyncio.sleep(next_at - clock())
            await caller.wait("message", lambda line: line["role"] == "user", count=len(TURNS))
            lines = caller.of("message")
            assert not caller.of("error")
    said = " ".join(line["content"] for line in lines if line["role"] == "user")
    assert word_error_rate(" ".join(PROMPTS[name] for name in TURNS), said) <= 0.10, said
    roles = [line["role"] for line in lines]
    assert roles[:2] == ["user", "assistant"]
    moves = [record for record in records if record["event"] == "moved to a fresh model connection"]
    assert len(moves) >= 3
