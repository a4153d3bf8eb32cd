"""One connection to a Realtime server: what is sent, in order and bounded.

What is sent goes to the socket at once. While the socket takes no more, it waits in one bounded
queue, so that audio and commands keep their order; the oldest audio is given up first, commands
never are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from gateway.core.media_time import SAMPLE_RATE
from gateway.realtime import protocol
from gateway.realtime.wire import Endpoint, ModelSocket, ModelUnreachable

log = structlog.get_logger(__name__)

MAX_AUDIO_SAMPLES = 5 * SAMPLE_RATE
"""Of audio kept unsent: five seconds. More would be answered too late to matter."""

MAX_COMMANDS = 1_000

_SAMPLE_BYTES = 2


class ModelOverrun(Exception):
    """More commands wait for the server than a live conversation can have."""


class Connection:
    """An open connection, for as long as :meth:`read` runs.

    :param opened_at: seconds of the loop's clock.
    """

    def __init__(self, socket: ModelSocket, endpoint: Endpoint, opened_at: float) -> None:
        self.opened_at = opened_at
        self.lifetime = endpoint.session_limit
        """Seconds after which the server ends it."""
        self.known: set[str] = set()
        """Items of the conversation that it was told as text."""
        self.dropped_samples = 0
        """Of the caller's audio, given up because the server took no more."""
        self.task = asyncio.current_task()
        """Reads it; cancelling it closes the connection."""
        self._socket = socket
        self._append_bytes = endpoint.append_ms * SAMPLE_RATE // 1000 * _SAMPLE_BYTES
        self._pending = bytearray()
        self._queue: deque[tuple[bytes, int]] = deque()
        """Frames, each with the samples of audio in it; a command has none."""
        self._queued_samples = 0
        self._queued_commands = 0
        self._wake = asyncio.Event()

    @property
    def backlog(self) -> int:
        """Frames and commands that the socket did not take yet."""
        return len(self._queue)

    def send(self, event: Mapping[str, Any]) -> None:
        """Send a command, after the audio before it.

        :raises ModelOverrun: too many commands wait.
        """
        if self._queued_commands >= MAX_COMMANDS:
            raise ModelOverrun("the model takes no more commands")
        self._flush()
        self._put(protocol.encode(event), 0)

    def append(self, pcm: bytes) -> None:
        """Send caller's audio (PCM16 mono, 24 kHz), once there is enough for an event; the oldest
        is dropped when too much waits.
        """
        if not self._pending and len(pcm) >= self._append_bytes:
            self._put_audio(pcm)
            return
        self._pending += pcm
        if len(self._pending) >= self._append_bytes:
            self._flush()

    def _flush(self) -> None:
        """Send what was kept to fill an append."""
        if self._pending:
            self._put_audio(self._pending)
            self._pending.clear()

    def _put_audio(self, pcm: bytes | bytearray) -> None:
        self._put(protocol.append_frame(pcm), len(pcm) // _SAMPLE_BYTES)

    def _put(self, frame: bytes, samples: int) -> None:
        if not self._queue and self._socket.send_now(frame):
            return
        while samples and self._queued_samples + samples > MAX_AUDIO_SAMPLES:
            if not self._drop_oldest_audio():
                break
        self._queue.append((frame, samples))
        self._count(samples, 1)
        self._wake.set()

    def _drop_oldest_audio(self) -> bool:
        for index, (_, samples) in enumerate(self._queue):
            if samples:
                del self._queue[index]
                self._count(samples, -1)
                self.dropped_samples += samples
                return True
        return False

    def _count(self, samples: int, step: int) -> None:
        self._queued_samples += step * samples
        self._queued_commands += 0 if samples else step

    async def read(self, take: Callable[[protocol.Event], bool]) -> None:
        """Give ``take`` what the server says, under GA names, until the connection ends in whatever
        way, or ``take`` says that it is of no more use.
        """
        writer = asyncio.create_task(self._write(), name="model-writer")
        try:
            async for frame in self._socket.frames():
                event = _event(frame)
                if event is not None and not take(event):
                    break
        finally:
            writer.cancel()
            # Not `await writer`: that raises the same for the writer's end and for our own.
            await asyncio.wait([writer])

    async def _write(self) -> None:
        """Write what the socket would not take at once."""
        with contextlib.suppress(ModelUnreachable):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    frame, samples = self._queue.popleft()
                    self._count(samples, -1)
                    await self._socket.send(frame)


def _event(frame: str | bytes) -> protocol.Event | None:
    try:
        event = json.loads(frame)
    except ValueError:
        log.warning("model sent a frame that is not JSON", length=len(frame))
        return None
    if isinstance(event, dict) and isinstance(event.get("type"), str):
        return protocol.normalise(event)
    return None
