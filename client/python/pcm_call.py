"""The caller's end of a call over Socket.IO alone: PCM16 up in `send_audio`, down in
`audio_response`.

The agent's voice is sent some time before it is to be played, so there is a player: it has no
device, but a clock. What it has not played when the answer is cut was never heard.
"""

import asyncio
import base64
import binascii
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from aiortc.mediastreams import MediaStreamError

from client.python.errors import ClientError
from client.python.heard import RATE
from client.python.levels import Samples
from client.python.microphone import RATE as MICROPHONE_RATE
from client.python.microphone import Microphone
from client.python.rate import RateConverter
from client.python.speaker import Speaker

Request = Callable[..., Awaitable[dict[str, Any]]]

CHUNK_FRAMES = 2
"""Frames of 20 ms in one `send_audio`."""

_MOST_QUEUED_SECONDS = 10.0
"""A gateway sends 300 ms ahead. Beyond this, what comes is dropped."""

_AGAIN_SECONDS = 0.05
"""A connection ends in several steps: it may refuse a request before it tells that it is gone."""


class PcmCall:
    """One call. `rate`: Hz of PCM16 both ways.

    `request` sends an event and awaits its acknowledgement. `online` returns once there is a
    connection: while there is none, the microphone waits, and nothing it says is lost.
    """

    def __init__(
        self, request: Request, online: Callable[[], Awaitable[Any]], speaker: Speaker, rate: int
    ) -> None:
        self._request = request
        self._online = online
        self._speaker = speaker
        self._up = RateConverter(MICROPHONE_RATE, rate)
        self._down = RateConverter(rate, RATE)
        self._talking: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._to_be_played: deque[asyncio.TimerHandle] = deque()
        self._busy_until = 0.0

    @property
    def queued_ms(self) -> float:
        """What has come and is not played yet."""
        return max(0.0, self._busy_until - time.monotonic()) * 1000.0

    def start(self, microphone: Microphone) -> None:
        self._speaker.begin(time.monotonic())
        self._talking = asyncio.create_task(self._talk(microphone))

    def hear(self, audio: str) -> None:
        """Feeds `audio_response`. What is no base64 of PCM16 is silence."""
        try:
            pcm = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError):
            return
        samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.int16)
        voice = self._down.push(samples)
        now = time.monotonic()
        start = max(now, self._busy_until)
        if not len(voice) or start - now > _MOST_QUEUED_SECONDS:
            return
        self._busy_until = start + len(voice) / RATE
        play = self._loop.call_later(start - now, self._play, voice, start)
        self._to_be_played.append(play)

    def flush(self, _cut: object = None) -> None:
        """Feeds `audio_interrupted`: what is queued is not played."""
        for play in self._to_be_played:
            play.cancel()
        self._to_be_played.clear()
        self._busy_until = 0.0

    async def close(self) -> None:
        self.flush()
        if self._talking is not None:
            self._talking.cancel()
            await asyncio.wait([self._talking])

    def _play(self, voice: Samples, start: float) -> None:
        self._to_be_played.popleft()
        self._speaker.hear(voice, round(start * RATE), start)

    async def _talk(self, microphone: Microphone) -> None:
        while True:
            try:
                frames = [await microphone.frame() for _ in range(CHUNK_FRAMES)]
            except MediaStreamError:
                return
            chunk = self._up.push(np.concatenate(frames))
            if len(chunk) and not await self._sent(chunk.astype("<i2").tobytes()):
                return

    async def _sent(self, chunk: bytes) -> bool:
        """False if the gateway takes no audio any more."""
        while True:
            await self._online()
            try:
                await self._request("send_audio", chunk, "pcm16")
            except ClientError as exc:
                if exc.code == "closed":
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                # The gateway says why in its `error` event. A session that has ended stays so.
                return exc.code != "no_session"
            return True
