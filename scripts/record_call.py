"""A real call of ten minutes, recorded: by how many samples does the recording drift?

    PYTHONPATH=. .venv/bin/python scripts/record_call.py [--minutes 10] [--format opus]

A caller over WebRTC says a click each second by its own clock, and a model answers with clicks a
second apart. In the recording the clicks of either side must be as far apart at the end as at the
beginning. The gateway is a process of its own: what the caller and the model prepare does not hold
it up.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from client.python import Microphone, Speaker, TalkpathClient
from client.python.bench import subject
from gateway.core.media_time import SAMPLE_RATE
from tests.stand_in import StandIn

MICROPHONE_RATE = 48_000

ANSWER = 30
"""Seconds of an answer."""

Samples = npt.NDArray[np.int16]


def clicks(seconds: int, rate: int) -> Samples:
    """A burst of 20 ms at the beginning of every second."""
    at = np.arange(rate)
    burst = np.where(at < rate // 50, 9000 * np.sin(2 * np.pi * 1000 * at / rate), 0)
    return np.tile(burst.astype(np.int16), seconds)


def onsets(channel: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Where it becomes loud after half a second of silence."""
    loud = np.flatnonzero(np.abs(channel) > 0.1)
    first = np.concatenate(([True], np.diff(loud) > SAMPLE_RATE // 2))
    return loud[first]


def decoded(path: Path) -> npt.NDArray[np.float64]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(container.streams.audio[0])]
    if frames[0].shape[0] == 1:
        return np.concatenate(frames, axis=1).reshape(-1, 2).T / 32768.0
    return np.concatenate(frames, axis=1)[:, ::2].astype(np.float64)


async def call(minutes: float, form: str, root: Path) -> None:
    seconds = round(minutes * 60)
    question, answer = clicks(seconds, MICROPHONE_RATE), clicks(ANSWER, SAMPLE_RATE).tobytes()
    async with StandIn() as model:
        settings = subject.gateway_environment(model.url)
        settings |= {"RECORD_DIR": str(root), "RECORD_FORMAT": form}
        async with (
            subject.running(subject.gateway_command(), settings) as gateway,
            TalkpathClient(gateway.url) as client,
        ):
            await client.connect()
            microphone, speaker = Microphone(), Speaker()
            await client.call(microphone, speaker)
            line = await model.line()
            said = asyncio.create_task(microphone.say(question, MICROPHONE_RATE))
            for _ in range(seconds // ANSWER):
                await line.answer("Click.", answer)
                await asyncio.sleep(ANSWER)
            await said
            await asyncio.sleep(1)


def report(name: str, at: npt.NDArray[np.int64], group: int) -> None:
    """Within each group: how far off each click is, as runs of the same value."""
    print(f"{name}: {len(at)} clicks, off by samples:")
    for start in range(0, len(at) - group + 1, group):
        clicks_of = at[start : start + group]
        off = clicks_of - clicks_of[0] - SAMPLE_RATE * np.arange(group)
        changes = np.flatnonzero(np.diff(off, prepend=off[0] - 1))
        print("  " + ", ".join(f"{off[i]} from second {i}" for i in changes))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the drift of a recorded call.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--format", choices=("opus", "wav"), default="opus")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        asyncio.run(call(options.minutes, options.format, Path(root)))
        path = next(Path(root).glob("*/recording.[ow]*"))
        left, right = decoded(path)
        print(f"{path.name}: {left.size / SAMPLE_RATE:.2f} s")
        caller, agent = onsets(left), onsets(right)
        report("caller", caller, len(caller))
        report("agent", agent, ANSWER)


if __name__ == "__main__":
    main()
