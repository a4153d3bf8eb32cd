"""The mock Realtime server: takes the gateway's connections, and times what each one sends."""

from __future__ import annotations

import asyncio
import binascii
import json
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

from client.python.bench.answers import event
from client.python.bench.websocket import WebSocketError, WebSocketServer, text_frame

_APPEND = b"input_audio_buffer.append"
_AUDIO = b'"audio"'
_CALL = re.compile(r"call-(\d+)")


class ModelListener(Protocol):
    """A call's side of its model connection. Told on the event loop; `at` is when it arrived."""

    def on_model_open(self, line: ModelLine) -> None: ...

    def on_append(self, pcm: bytes, at: float) -> None: ...

    def on_client_event(self, event: dict[str, Any], at: float) -> None: ...

    def on_model_closed(self, line: ModelLine) -> None: ...


class ModelLine(asyncio.Protocol):
    """One connection of the gateway's."""

    def __init__(
        self,
        admit: Callable[[ModelLine], ModelListener | None],
        gone: Callable[[ModelLine], None],
    ) -> None:
        self._admit = admit
        self._gone = gone
        self._listener: ModelListener | None = None
        self._socket = WebSocketServer()
        self._transport: asyncio.Transport | None = None

    @property
    def model(self) -> str:
        """What the gateway asked for in `?model=`."""
        return self._socket.query.get("model", [""])[0]

    def send(self, *events: bytes) -> None:
        """Send server events (JSON), in one write."""
        if self._transport is not None:
            self._transport.write(b"".join(map(text_frame, events)))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Break the connection (TCP RST where something is unread) without a closing frame."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        was_open = self._socket.is_open
        try:
            messages = self._socket.feed(data)
        except WebSocketError:
            self.close()
            return
        if reply := self._socket.take():
            assert self._transport is not None
            self._transport.write(reply)
        if self._socket.is_open and not was_open:
            self._begin()
        for message in messages:
            self._take(message, at)
        if self._socket.is_closed:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._gone(self)
        if self._listener is not None:
            self._listener.on_model_closed(self)

    def _begin(self) -> None:
        self._listener = self._admit(self)
        if self._listener is None:
            self.close()
            return
        self.send(event("session.created", session={"type": "realtime", "id": "sess_1"}))
        self._listener.on_model_open(self)

    def _take(self, message: bytes, at: float) -> None:
        if self._listener is None:
            return
        if _APPEND in message[:200]:
            self._listener.on_append(_audio_of(message), at)
            return
        received = json.loads(message)
        if received["type"] == "session.update":
            session = {"id": "sess_1", **received.get("session", {})}
            self.send(event("session.updated", session=session))
        self._listener.on_client_event(received, at)


def _audio_of(message: bytes) -> bytes:
    """The PCM of an append, without parsing the JSON around its base64 (which needs no escape)."""
    start = message.index(b'"', message.index(_AUDIO) + len(_AUDIO)) + 1
    return binascii.a2b_base64(message[start : message.index(b'"', start)])


class MockModel:
    """Listens on a port of loopback. A connection whose model is `call-N` belongs to call N; any
    other to the call that is being set up, for calls are set up one after another."""

    def __init__(self) -> None:
        self._calls: dict[int, ModelListener] = {}
        self._latest: ModelListener | None = None
        self._lines: set[ModelLine] = set()
        self._server: asyncio.Server | None = None
        self.strays = 0
        """Connections that belong to no call, such as of calls that are over."""

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"ws://127.0.0.1:{port}/v1/realtime"

    async def start(self, port: int = 0) -> None:
        """Raises `OSError` if the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._new_line, "127.0.0.1", port, backlog=512)

    async def stop(self) -> None:
        for line in list(self._lines):
            line.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def expect(self, number: int, call: ModelListener) -> None:
        """Call `number` is being set up."""
        self._calls[number] = self._latest = call

    def forget(self, number: int) -> None:
        """Call `number` is over: its connections count as strays."""
        if self._latest is self._calls.pop(number, None):
            self._latest = None

    def _new_line(self) -> ModelLine:
        line = ModelLine(self._assign, self._lines.discard)
        self._lines.add(line)
        return line

    def _assign(self, line: ModelLine) -> ModelListener | None:
        named = _CALL.search(line.model)
        listener = self._calls.get(int(named[1])) if named else self._latest
        if listener is None:
            self.strays += 1
        return listener
