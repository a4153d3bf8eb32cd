import asyncio
import sys

import av
import numpy as np
import pytest

from client.python.bench import subject
from client.python.bench.stock_bridge import FRAME_SAMPLES, RATE, ModelVoice


def samples(frame: av.AudioFrame) -> list[int]:
    return list(np.frombuffer(bytes(frame.planes[0])[: 2 * frame.samples], dtype="<i2"))


async def test_a_voice_is_paced_and_silent_when_nothing_is_said() -> None:
    voice = ModelVoice()
    loop = asyncio.get_running_loop()
    voice.add(np.full(FRAME_SAMPLES + 10, 7, dtype="<i2").tobytes())
    started = loop.time()
    frames = [await voice.recv() for _ in range(3)]
    assert loop.time() - started >= 0.039
    assert [frame.pts for frame in frames] == [0, 480, 960]
    assert all((f.sample_rate, f.samples) == (RATE, FRAME_SAMPLES) for f in frames)
    assert samples(frames[0]) == [7] * 480
    assert samples(frames[1]) == [7] * 10 + [0] * 470
    assert samples(frames[2]) == [0] * 480
    voice.stop()


async def test_what_was_cut_is_not_said() -> None:
    voice = ModelVoice()
    voice.add(b"\1\1" * 960)
    voice.clear()
    assert samples(await voice.recv()) == [0] * 480
    voice.stop()


@pytest.mark.timeout(60)
async def test_it_runs_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "client.python.bench.stock_bridge"]
    async with subject.running([*command, "--model-url", "ws://127.0.0.1:9"], {}) as started:
        assert started.url.startswith("http://127.0.0.1:")
