"""One connection to a Realtime server, kept up as long as its caller stays.

What is sent goes to the socket at once. While the socket takes no more, it waits in one bounded
queue, so that audio and commands keep their order; the oldest audio is given up first, commands
never are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import deque
from collections.abc import Mapping
from time import monotonic
from typing import Any, Protocol

import structlog

from gateway.core.media_time import SAMPLE_RATE
from gateway.realtime import protocol
from gateway.realtime.wire import Endpoint, ModelSocket, ModelUnreachable, open_socket

log = structlog.get_logger(__name__)

BACK_OFF = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt; the last one repeats. A quarter is random, so that many
calls spread out.
"""

STEADY_AFTER = 5.0
"""Seconds a connection must have lasted for the back-off to start over."""

MAX_AUDIO_SAMPLES = 5 * SAMPLE_RATE
"""Of audio kept unsent: five seconds. More would be answered too late to matter."""

MAX_COMMANDS = 1_000

_SAMPLE_BYTES = 2


class ModelOverrun(Exception):
    """More commands wait for the server than a live conversation can have."""


class ModelHandler(Protocol):
    """Who is told what the model's connection does. Called on the event loop; must return at
    once.
    """

    def on_model_connected(self) -> None:
        """A connection is open and empty: nothing of an earlier one is known to it."""

    def on_model_event(self, event: protocol.Event) -> None:
        """An event arrived, under its GA name."""

    def on_model_lost(self, reason: str) -> None:
        """The connection could not be opened or was lost; it is tried again. Told once for each
        loss.
        """


class RealtimeClient:
    """The model's side of one session."""

    def __init__(self, endpoint: Endpoint, handler: ModelHandler) -> None:
        self._endpoint = endpoint
        self._handler = handler
        self._append_bytes = endpoint.append_ms * SAMPLE_RATE // 1000 * _SAMPLE_BYTES
        self._socket: ModelSocket | None = None
        self._pending = bytearray()
        self._queue: deque[tuple[bytes, int]] = deque()
        """Frames, each with the samples of audio in it; a command has none."""
        self._queued_samples = 0
        self._queued_commands = 0
        self._wake = asyncio.Event()
        self._told_lost = False
        self.dropped_samples = 0
        """Of the caller's audio, given up because the server took no more."""

    @property
    def connected(self) -> bool:
        return self._socket is not None

    @property
    def backlog(self) -> int:
        """Frames and commands that the socket did not take yet."""
        return len(self._queue)

    def send(self, event: Mapping[str, Any]) -> None:
        """Send a command, after the audio before it; it is dropped while there is no connection,
        since a new one starts afresh.

        :raises ModelOverrun: too many commands wait.
        """
        if self._socket is None:
            return
        if self._queued_commands >= MAX_COMMANDS:
            raise ModelOverrun("the model takes no more commands")
        self._flush()
        self._put(self._socket, json.dumps(event).encode(), 0)

    def append(self, pcm: bytes) -> None:
        """Send caller's audio (PCM16 mono, 24 kHz), once there is enough for an event; the oldest
        is dropped when too much waits.
        """
        if self._socket is None:
            return
        if not self._pending and len(pcm) >= self._append_bytes:
            self._put_audio(self._socket, pcm)
            return
        self._pending += pcm
        if len(self._pending) >= self._append_bytes:
            self._flush()

    def _flush(self) -> None:
        """Send what was kept to fill an append."""
        if self._pending and self._socket is not None:
            self._put_audio(self._socket, self._pending)
            self._pending.clear()

    def _put_audio(self, socket: ModelSocket, pcm: bytes | bytearray) -> None:
        self._put(socket, protocol.append_frame(pcm), len(pcm) // _SAMPLE_BYTES)

    def _put(self, socket: ModelSocket, frame: bytes, samples: int) -> None:
        if not self._queue and socket.send_now(frame):
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

    async def run(self) -> None:
        """Keep a connection until cancelled.

        :raises ModelRefused: no further attempt can succeed.
        """
        attempt = 0
        while True:
            started = monotonic()
            try:
                async with open_socket(self._endpoint) as socket:
                    self._told_lost = False
                    await self._converse(socket)
                reason = "the model's server closed the connection"
            except ModelUnreachable as error:
                reason = str(error)
            self._report_loss(reason)
            # A server that accepts and hangs up at once must not be asked ten times a second.
            attempt = 0 if monotonic() - started > STEADY_AFTER else attempt + 1
            pause = BACK_OFF[min(attempt, len(BACK_OFF) - 1)]
            await asyncio.sleep(pause * random.uniform(0.75, 1.0))

    def _report_loss(self, reason: str) -> None:
        log.warning("model connection lost", reason=reason)
        if not self._told_lost:
            self._told_lost = True
            self._handler.on_model_lost(reason)

    async def _converse(self, socket: ModelSocket) -> None:
        self._socket = socket
        writer = asyncio.create_task(self._write(socket), name="model-writer")
        try:
            self._handler.on_model_connected()
            async for frame in socket.frames():
                self._take(frame)
        finally:
            self._socket = None
            self._pending.clear()
            self._queue.clear()
            self._queued_samples = self._queued_commands = 0
            writer.cancel()
            # Not `await writer`: that raises the same for the writer's end and for our own.
            await asyncio.wait([writer])

    def _take(self, frame: str | bytes) -> None:
        try:
            event = json.loads(frame)
        except ValueError:
            log.warning("model sent a frame that is not JSON", length=len(frame))
            return
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            self._handler.on_model_event(protocol.normalise(event))

    async def _write(self, socket: ModelSocket) -> None:
        """Write what the socket would not take at once."""
        with contextlib.suppress(ModelUnreachable):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    frame, samples = self._queue.popleft()
                    self._count(samples, -1)
                    await socket.send(frame)
