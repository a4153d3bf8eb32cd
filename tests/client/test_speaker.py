"""The speaker on a track whose frames come when the test says."""

import asyncio
import time
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from client.python.levels import Samples, level_dbfs
from client.python.speaker import Speaker
from tests.client.tones import silence, tone

LOUD = tone(0.02, 48_000)
QUIET = silence(0.02, 48_000)


class Track(MediaStreamTrack):
    """Gives what was put, stereo as aiortc's decoder does; None ends it."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames: asyncio.Queue[tuple[Samples, int, int] | None] = asyncio.Queue()

    def put(self, samples: Samples | None, pts: int = 0, rate: int = 48_000) -> None:
        self._frames.put_nowait(None if samples is None else (samples, pts, rate))

    async def recv(self) -> av.AudioFrame:
        item = await self._frames.get()
        if item is None:
            raise MediaStreamError
        samples, pts, rate = item
        frame = av.AudioFrame.from_ndarray(
            np.repeat(samples, 2).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, pts, Fraction(1, rate)
        return frame


async def test_frames_are_kept_at_24_khz_mono_with_level_and_arrival() -> None:
    track, speaker = Track(), Speaker()
    before = time.monotonic()
    for index, samples in enumerate([QUIET, LOUD, LOUD, QUIET]):
        track.put(samples, index * 960)
    track.put(None)
    await speaker.consume(track)
    assert [len(frame.samples) for frame in speaker.frames] == [480] * 4
    assert [speaker.is_loud(frame) for frame in speaker.frames[:3]] == [False, True, True]
    assert speaker.frames[2].level == pytest.approx(level_dbfs(LOUD), abs=0.3)
    assert before <= speaker.frames[0].arrival <= time.monotonic()


async def test_an_onset_is_awaited_or_given_up() -> None:
    track, speaker = Track(), Speaker()
    listening = asyncio.create_task(speaker.consume(track))
    started = time.monotonic()
    waiting = asyncio.create_task(speaker.wait_onset(started, 5.0))
    await asyncio.sleep(0)
    track.put(QUIET)
    track.put(LOUD, 960)
    assert await waiting == speaker.frames[1].arrival
    assert await speaker.wait_onset(started, 0.0) == speaker.frames[1].arrival
    assert await speaker.wait_onset(time.monotonic(), 0.01) is None
    track.put(None)
    await listening


async def test_quiet_needs_no_frames_and_ends_with_none() -> None:
    speaker = Speaker()
    began = time.monotonic()
    assert await speaker.wait_quiet(0.05, 5.0, since=began)
    assert 0.05 <= time.monotonic() - began < 0.5
    speaker.add(tone(0.02, 24_000), 0, time.monotonic())
    assert not await speaker.wait_quiet(5.0, 0.02, since=began)
    assert await speaker.wait_quiet(0.03, 5.0, since=began)
    last = speaker.last_loud_before(time.monotonic())
    assert last is not None
    assert time.monotonic() - last >= 0.03


async def test_what_was_heard_is_written_in_real_time(tmp_path: Path) -> None:
    speaker = Speaker()
    speaker.begin(100.0)
    speaker.add(tone(0.02, 24_000), 0, 100.5)
    speaker.write(tmp_path / "mono.wav")
    assert _read(tmp_path / "mono.wav") == (1, 24_000, 12_480)
    speaker.write(tmp_path / "stereo.wav", caller=tone(1.0, 24_000))
    assert _read(tmp_path / "stereo.wav") == (2, 24_000, 24_000)


async def test_another_rate_is_refused() -> None:
    track, speaker = Track(), Speaker()
    track.put(LOUD, 0, 8000)
    with pytest.raises(ValueError, match="not 8000 Hz"):
        await speaker.consume(track)


def _read(path: Path) -> tuple[int, int, int]:
    with wave.open(str(path), "rb") as file:
        return file.getnchannels(), file.getframerate(), file.getnframes()
