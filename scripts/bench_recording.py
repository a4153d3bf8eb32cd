"""What recording costs: CPU-ms per call-second, and what it does to the event loop.

    scripts/bench_recording.py [--calls 20] [--seconds 30] [--format opus]

Calls talk in turns: the caller speaks for two fifths of the time over a quiet noise, the agent for
two fifths. The recorder runs as in the gateway, on this machine's disk; the time of the calls is
virtual, so that it has to be told only once that they go on.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from gateway.recording.entries import AgentSound, CallerSound
from gateway.recording.recorder import PERIOD, Recorder, Recording, RecordSettings
from gateway.recording.sound import SoundFormat

CYCLE = 10.0
"""Seconds of a turn of each, and a pause behind it."""


def _frames(rng: np.random.Generator, level: float) -> list[bytes]:
    """A second of something like speech: noise in syllables."""
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    voice = rng.normal(0, level, SAMPLE_RATE) * np.abs(np.sin(2 * np.pi * 2 * at))
    pcm = voice.astype("<i2").tobytes()
    step = 2 * FRAME_SAMPLES
    return [pcm[i : i + step] for i in range(0, len(pcm), step)]


def _size(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


async def _run(calls: int, seconds: int, form: SoundFormat, root: Path) -> None:
    rng = np.random.default_rng(8)
    speech, noise = _frames(rng, 3000), _frames(rng, 20)
    recorder = Recorder(RecordSettings(root, form))
    recorder.start()
    begun = asyncio.get_running_loop().time()
    recordings: list[Recording] = [
        recorder.begin(f"sess_{number:024x}", {"userId": "bench"}) for number in range(calls)
    ]
    cpu, loop_cpu, lags = time.process_time(), 0.0, []
    for share in range(int(seconds / PERIOD)):
        before = time.thread_time()
        for frame in range(round(PERIOD / FRAME_SECONDS)):
            at = share * PERIOD + frame * FRAME_SECONDS
            phase, index = at % CYCLE, frame % len(speech)
            caller = speech[index] if phase < 4 else noise[index]
            for recording in recordings:
                recording.add(CallerSound(caller, begun + at + FRAME_SECONDS))
                if 5 <= phase < 9:
                    sound = AgentSound(speech[index], begun + at, f"item_{int(at / CYCLE)}", False)
                    recording.add(sound)
        recorder._hand_over(begun + (share + 1) * PERIOD)
        loop_cpu += time.thread_time() - before
        while recorder.stats.queued_bytes:
            asked = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(time.perf_counter() - asked - 0.001)
    await recorder.close()
    total = time.process_time() - cpu
    size = await asyncio.to_thread(_size, root)
    call_seconds = calls * seconds
    print(f"{form}: {calls} calls of {seconds} s")
    print(f"  {1000 * total / call_seconds:.2f} CPU-ms per call-second")
    print(f"  {1000 * loop_cpu / call_seconds:.3f} of them on the event loop")
    print(f"  {8 * size / call_seconds / 1000:.0f} kbit/s")
    if lags:
        print(
            f"  event loop late while the thread works: {1000 * np.percentile(lags, 99):.1f} ms p99"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what recording costs.")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--format", choices=("opus", "wav"), default="opus")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        asyncio.run(_run(options.calls, options.seconds, options.format, Path(root)))


if __name__ == "__main__":
    main()
