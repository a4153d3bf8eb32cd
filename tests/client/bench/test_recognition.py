import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from client.python.bench.doors import Doors
from client.python.bench.model import MockModel
from client.python.bench.profile import parse_profile
from client.python.bench.prompts import FOLDER
from client.python.bench.recognition import (
    Clip,
    Delivered,
    Understood,
    as_recorded,
    deliver,
    table,
    understand,
)
from client.python.bench.track import PACKET_SAMPLES, RATE
from client.python.levels import Samples
from tests.gateways import running_gateway

ROOT = Path(__file__).parents[3]


@pytest_asyncio.fixture
async def model() -> AsyncIterator[MockModel]:
    mock = MockModel()
    await mock.start()
    yield mock
    await mock.stop()


def tone(hertz: int, seconds: float) -> Samples:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.rint(8_000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def pitch(samples: Samples) -> int:
    """Hz of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return round(float(np.argmax(spectrum)) * RATE / len(samples))


CLIPS = [Clip("one", tone(400, 0.4)), Clip("two", tone(700, 0.5)), Clip("three", tone(900, 0.31))]


async def test_each_clip_comes_back_whole_from_a_lossy_path(model: MockModel) -> None:
    async with running_gateway(model.url) as gateway:
        profile = parse_profile("loss=5")
        delivered = await deliver(CLIPS, profile, Doors(gateway.url), model, at_once=2, seed=1)
    assert [round(pitch(samples), -1) for samples in delivered.samples] == [400, 700, 900]
    for clip, samples in zip(CLIPS, delivered.samples, strict=True):
        # The second of silence after it is with it.
        assert len(samples) == pytest.approx(len(clip.samples) + RATE, abs=5 * PACKET_SAMPLES)
    assert delivered.share == pytest.approx(1.0, abs=0.05)


def test_errors_are_counted_over_all_clips() -> None:
    said = {400: "one", 700: "tool", 900: ""}
    result = understand("rest", CLIPS, as_recorded(CLIPS), lambda samples: said[pitch(samples)])
    assert result == Understood("rest", 3, 3, 2, 1.0)
    assert result.error_percent == 66.7
    assert result.as_dict()["error_percent"] == 66.7


def test_what_was_not_delivered_was_not_understood() -> None:
    nothing = Delivered([np.zeros(0, dtype=np.int16)] * 3, 0.0)
    assert understand("loss=99", CLIPS, nothing, lambda samples: "").errors == 3


def test_networks_are_compared_with_rest() -> None:
    rest, bad = Understood("rest", 90, 800, 16, 1.0), Understood("loss=10", 90, 800, 40, 0.9991)
    lines = table([rest, bad], rest).splitlines()
    assert lines[1].split() == ["rest", "90", "800", "16", "2.0", "+0.0", "100.00"]
    assert lines[2].split() == ["loss=10", "90", "800", "40", "5.0", "+3.0", "99.91"]


@pytest.mark.skipif(
    not FOLDER.exists(), reason="needs Debian's package asterisk-core-sounds-en-wav"
)
async def test_people_are_understood_through_loss() -> None:
    """scripts/bench_recognition.py: the calls, the gateway and the recogniser together."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "scripts" / "bench_recognition.py")),
        *("--clips", "16", "--profile", "loss=10", "--json"),
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    recorded, lossy = json.loads(output)["networks"]
    assert (recorded["network"], lossy["network"]) == ("as recorded", "loss=10")
    assert lossy["words"] == 149
    assert lossy["error_percent"] <= recorded["error_percent"] + 5
    assert lossy["delivered"] > 0.95
