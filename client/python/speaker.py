"""The caller's loudspeaker: listens to the agent's track and remembers what was heard."""

import asyncio
import time
from pathlib import Path

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from client.python.heard import RATE, HeardAudio
from client.python.levels import Samples
from client.python.rate import Decimator
from client.python.wav import write_wav

_TRACK_RATE = 48_000


class Speaker(HeardAudio):
    """`HeardAudio` fed by a track, with questions one can wait for."""

    def __init__(self, *, keep_seconds: float = 600.0, loud_dbfs: float = -45.0) -> None:
        super().__init__(keep_seconds=keep_seconds, loud_dbfs=loud_dbfs)
        self._arrived = asyncio.Event()

    async def consume(self, track: MediaStreamTrack) -> None:
        """Listen until `track` ends (aiortc's Opus decoder: 48 kHz, PCM16)."""
        decimator = Decimator()
        self.begin(time.monotonic())
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            now = time.monotonic()
            assert isinstance(frame, av.AudioFrame)
            assert frame.pts is not None
            self.hear(decimator.push(_mono(frame)), frame.pts * RATE // _TRACK_RATE, now)

    def hear(self, samples: Samples, media_position: int, now: float) -> None:
        """One decoded frame, as `add`; whoever waits for it is told."""
        self.add(samples, media_position, now)
        self._arrived.set()
        self._arrived = asyncio.Event()

    async def wait_onset(self, after: float, within: float) -> float | None:
        """Arrival of the first speech that begins after `after`; None if none does `within` s."""
        deadline = time.monotonic() + within
        while (onset := self.first_onset_after(after)) is None:
            if not await self._frame_before(deadline):
                return None
        return onset

    async def wait_quiet(self, quiet_seconds: float, within: float, *, since: float) -> bool:
        """True once nothing loud has come for `quiet_seconds`; False if `within` s pass first.

        Quiet before the moment `since` does not count.
        """
        deadline = time.monotonic() + within
        while True:
            quiet_at = max(since, self.last_loud_after(since) or since) + quiet_seconds
            now = time.monotonic()
            if now >= quiet_at:
                return True
            if now >= deadline:
                return False
            # Frames come many times a second while the agent speaks and not at all while silent:
            # the deadline, not a frame, ends the wait.
            await asyncio.sleep(min(quiet_at, deadline) - now)

    def write(self, path: Path, *, caller: Samples | None = None) -> None:
        """What was heard as a 24 kHz WAV, in real time from `begin` on.

        Mono; with `caller` (24 kHz, from the same moment on) stereo: left caller, right agent.
        Raises `AudioFileError`.
        """
        first, line = self.timeline()
        agent = np.concatenate([np.zeros(first, dtype=np.int16), line])
        write_wav(path, [agent] if caller is None else [caller, agent], RATE)

    async def _frame_before(self, deadline: float) -> bool:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True


def _mono(frame: av.AudioFrame) -> Samples:
    if frame.sample_rate != _TRACK_RATE:
        raise ValueError(f"expected a {_TRACK_RATE} Hz track, not {frame.sample_rate} Hz")
    packed = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
    mixed: Samples = packed.mean(axis=1).astype(np.int16)
    return mixed
