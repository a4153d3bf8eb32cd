"""A Realtime server for tests: a real WebSocket whose other side is the test itself."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Event = dict[str, Any]


class Line:
    """One connection that the gateway opened. ``received``: every client event but appends, in
    order.
    """

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.path = socket.request.path if socket.request else ""
        self.headers = socket.request.headers if socket.request else {}
        self.received: list[Event] = []
        self.audio = bytearray()
        self.appended_at: list[float] = []
        self._changed = asyncio.Condition()

    async def take(self, frame: str | bytes) -> None:
        event = json.loads(frame)
        if event["type"] == "input_audio_buffer.append":
            self.audio += base64.b64decode(event["audio"])
            self.appended_at.append(asyncio.get_running_loop().time())
        else:
            self.received.append(event)
        await self.respond(event)
        async with self._changed:
            self._changed.notify_all()

    async def respond(self, event: Event) -> None:
        """What the server says at once to a client event."""
        if event["type"] == "session.update":
            await self.send("session.updated", session=event["session"])

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        """The server reads nothing meanwhile, and then goes on."""
        self.socket.transport.pause_reading()
        try:
            yield
        finally:
            self.socket.transport.resume_reading()

    async def wait_for(self, kind: str, timeout: float = 10.0, count: int = 1) -> Event:
        """The ``count``-th client event of that type."""

        def found() -> list[Event]:
            return [event for event in self.received if event["type"] == kind]

        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]

    async def wait_for_audio(self, samples: int, timeout: float = 10.0) -> bytes:
        """Until the gateway has appended that many samples."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: len(self.audio) >= 2 * samples)
        return bytes(self.audio)

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(
            json.dumps({"type": kind, "event_id": f"event_{next(_ids)}", **fields})
        )

    async def speech_started(self, item_id: str = "item_user") -> None:
        await self.send("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=0)

    async def question(self, text: str, item_id: str | None = None) -> str:
        """The caller said ``text``: all events from the start of speech to its transcript."""
        item_id = item_id or f"item_{next(_ids)}"
        await self.speech_started(item_id)
        await self.send("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=500)
        await self.send("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        item = {"id": item_id, "type": "message", "role": "user", "content": []}
        await self.send("conversation.item.added", item=item, previous_item_id=None)
        await self.send(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=0,
            transcript=text,
            usage={"type": "duration", "seconds": 1},
        )
        return item_id

    async def answer(
        self, text: str, pcm: bytes, *, finish: bool = True, usage: Event | None = None
    ) -> str:
        """A spoken answer, sent as fast as the socket takes it. Returns its item id."""
        number = next(_ids)
        response_id, item_id = f"resp_{number}", f"item_{number}"
        ids = {"response_id": response_id, "item_id": item_id, "output_index": 0}
        item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
        await self.send("response.created", response={"id": response_id, "status": "in_progress"})
        await self.send("response.output_item.added", item=item, **ids)
        await self.send("conversation.item.added", item=item, previous_item_id=None)
        await self.send(
            "response.output_audio_transcript.delta", content_index=0, delta=text, **ids
        )
        for start in range(0, len(pcm), 9600):
            delta = base64.b64encode(pcm[start : start + 9600]).decode()
            await self.send("response.output_audio.delta", content_index=0, delta=delta, **ids)
        if finish:
            await self.send("response.output_audio.done", content_index=0, **ids)
            await self.send(
                "response.output_audio_transcript.done", content_index=0, transcript=text, **ids
            )
            await self.send("response.output_item.done", item=item, **ids)
            done = {"id": response_id, "status": "completed", "output": [item], "usage": usage}
            await self.send("response.done", response=done)
        return item_id


class StandIn:
    """Use as an async context manager; ``url`` goes into ``REALTIME_URL``.

    :param refuse: answer the WebSocket's opening request with this HTTP status.
    """

    def __init__(self, refuse: int | None = None, port: int = 0) -> None:
        self.refuse = refuse
        self.expires_in: float | None = None
        """Seconds until the end that connections are told from now on."""
        self.lines: list[Line] = []
        self._port = port
        self._server: Server | None = None
        self._opened = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._converse,
            "127.0.0.1",
            self._port,
            process_request=self._admit,
            max_size=None,
            compression=None,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/v1/realtime"

    @property
    def port(self) -> int:
        return self._port

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(self.refuse, "refused\n") if self.refuse else None

    def _session(self) -> Event:
        session: Event = {"type": "realtime", "id": "sess_1"}
        if self.expires_in is not None:
            session["expires_at"] = int(time.time() + self.expires_in)
        return session

    def new_line(self, socket: ServerConnection) -> Line:
        return Line(socket)

    async def _converse(self, socket: ServerConnection) -> None:
        line = self.new_line(socket)
        self.lines.append(line)
        try:
            await line.send("session.created", session=self._session())
            async with self._opened:
                self._opened.notify_all()
            async for frame in socket:
                await line.take(frame)
        except ConnectionClosed:
            pass

    async def line(self, number: int = 0, timeout: float = 10.0) -> Line:
        """The ``number``-th connection, as soon as it is there."""
        async with asyncio.timeout(timeout), self._opened:
            await self._opened.wait_for(lambda: len(self.lines) > number)
        return self.lines[number]


_ids = itertools.count(1)
