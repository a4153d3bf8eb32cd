"""The example of a Python caller, run as it stands against a real gateway."""

from __future__ import annotations

import asyncio
import os
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from client.python.levels import level_dbfs
from client.python.wav import write_wav
from tests.client.tones import joined, silence, tone
from tests.gateways import running_gateway
from tests.npm import ROOT
from tests.stand_in import StandIn

RATE = 24_000


@pytest.mark.parametrize("transport", ["webrtc", "pcm"])
async def test_a_recording_is_said_and_the_answer_is_saved(transport: str, tmp_path: Path) -> None:
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    write_wav(question, [joined(silence(0.2, RATE), tone(0.6, RATE))], RATE)
    options = ["--pcm"] if transport == "pcm" else []
    async with StandIn() as model, running_gateway(model.url) as gateway:
        caller = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "examples/python/call.py"), str(question), *options),
            *("--url", gateway.url, "--out", str(answer)),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            line = await model.line()
            heard = await line.wait_for_audio(RATE)
            await line.question("Hello?")
            await line.answer("Hello.", tone(1.0, RATE).tobytes())
            async with asyncio.timeout(20):
                printed, errors = await caller.communicate()
        finally:
            if caller.returncode is None:
                caller.kill()
                await caller.wait()
    assert (caller.returncode, errors.decode()) == (0, "")
    assert level_dbfs(np.frombuffer(heard, dtype="<i2")) > -25
    told = printed.decode().splitlines()
    assert {"user: Hello?", "assistant: Hello.", f"-- saved {answer}"} <= set(told)
    with wave.open(str(answer)) as file:
        saved = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    loud = sum(level_dbfs(frame) > -20 for frame in np.split(saved, range(480, len(saved), 480)))
    assert loud * 0.02 == pytest.approx(1.0, abs=0.1)
