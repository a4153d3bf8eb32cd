"""A client that talks to a model server over a real socket, and believes nothing it hears."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.local_model.audio import AudioFormat, Samples
from tests.gateway.local_model.desk import Event, check_event, in_base64

PATIENCE = 30.0


class Talker:
    """``events``: all server events, in order, each checked against OpenAI's types."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []
        self.times: list[float] = []
        """When each event came, on the loop's clock."""
        self._changed = asyncio.Condition()

    async def listen(self) -> None:
        """Take events until the connection ends."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionClosed):
            async for message in self.socket:
                self.events.append(check_event(json.loads(message)))
                self.times.append(loop.time())
                async with self._changed:
                    self._changed.notify_all()

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def update_input(self, **audio_input: Any) -> None:
        session = {"type": "realtime", "audio": {"input": audio_input}}
        await self.send("session.update", session=session)

    async def append(self, samples: Samples, step: int = 2_400) -> None:
        """PCM at 24 kHz in frames of 100 ms, as fast as the server takes them."""
        for start in range(0, len(samples), step):
            audio = in_base64(samples[start : start + step], AudioFormat.PCM)
            await self.send("input_audio_buffer.append", audio=audio)

    async def append_in_real_time(self, samples: Samples, step: int = 480) -> float:
        """20 ms frames, each when it would have been recorded; returns when the first was."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for start in range(0, len(samples), step):
            await asyncio.sleep(begin + (start + step) / 24_000 - loop.time())
            await self.append(samples[start : start + step])
        return begin

    async def wait_for(self, kind: str, count: int = 1) -> Event:
        """The ``count``-th event of that type."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(self.all(kind)) >= count)
        return self.all(kind)[count - 1]

    def all(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    def time_of(self, kind: str) -> float:
        """When the first event of that type came."""
        return next(
            t for event, t in zip(self.events, self.times, strict=True) if event["type"] == kind
        )

    def audio(self) -> Samples:
        """Everything that was spoken, at 24 kHz."""
        deltas = [event["delta"] for event in self.all("response.output_audio.delta")]
        return AudioFormat.PCM.decode(b"".join(base64.b64decode(delta) for delta in deltas))


@contextlib.asynccontextmanager
async def talking(url: str, **options: Any) -> AsyncIterator[Talker]:
    """A connected `Talker`; hangs up afterwards."""
    async with connect(f"{url}?model=test", max_size=None, **options) as socket:
        talker = Talker(socket)
        listening = asyncio.create_task(talker.listen())
        try:
            yield talker
        finally:
            await socket.close()
            await listening
