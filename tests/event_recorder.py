"""Clients of the Realtime protocol for tests, which check every event they are sent: by the
``openai`` package's types, and as strictly as ``openai-agents`` does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from agents.realtime.openai_realtime import get_server_event_type_adapter
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from client.python import Microphone
from client.python.peer import Peer

PATIENCE = 20.0

_TYPES: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

Event = dict[str, Any]


def check(event: Event) -> None:
    """Fail unless a client by the book takes this event."""
    assert event.get("event_id"), event
    parsed = _TYPES.validate_python(event)
    assert parsed.type == event["type"], event
    get_server_event_type_adapter().validate_python(event)


class Recorder:
    """One client: what it was sent, in order."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self.events: list[Event] = []
        self._send = send
        self._changed = asyncio.Event()

    def take(self, message: str) -> None:
        event = json.loads(message)
        self.events.append(event)
        self._changed.set()

    async def send(self, kind: str, **fields: Any) -> None:
        await self._send(json.dumps({"type": kind, **fields}))

    async def send_raw(self, message: str) -> None:
        await self._send(message)

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    async def wait(self, kind: str, count: int = 1, timeout: float = PATIENCE) -> Event:
        """The ``count``-th event of that type, past or to come."""
        async with asyncio.timeout(timeout):
            while len(self.of(kind)) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.of(kind)[count - 1]

    def check(self) -> None:
        """Fail unless everything it was sent is by the book."""
        assert self.events
        for event in self.events:
            check(event)


class SocketClient(Recorder):
    """Over WebSocket. Use as an async context manager."""

    def __init__(self, url: str, query: str, **headers: str) -> None:
        super().__init__(self._send_text)
        self._url = f"{url.replace('http', 'ws', 1)}/v1/realtime?{query}"
        self._headers = headers
        self.closed = asyncio.Event()

    async def _send_text(self, message: str) -> None:
        await self.socket.send_str(message)

    async def __aenter__(self) -> SocketClient:
        self._http = aiohttp.ClientSession()
        try:
            self.socket = await self._http.ws_connect(
                self._url, headers=self._headers, protocols=("realtime",), max_msg_size=0
            )
        except BaseException:
            await self._http.close()
            raise
        self._reading = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        async for frame in self.socket:
            self.take(frame.data)
        self.closed.set()

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await asyncio.wait([self._reading])
        await self._http.close()


class ChannelClient(Recorder):
    """Over WebRTC, with the data channel that OpenAI's clients open. Use as an async context
    manager.
    """

    def __init__(self, url: str, session: Event | None = None) -> None:
        super().__init__(self._send_text)
        self._url, self._session = url, session
        self.location = ""

    async def _send_text(self, message: str) -> None:
        self._channel.send(message)

    @property
    def call_id(self) -> str:
        return self.location.rsplit("/", 1)[-1]

    async def __aenter__(self) -> ChannelClient:
        self.microphone = Microphone()
        self.peer = Peer(self.microphone, [], "127.0.0.1")
        self._channel = self.peer._connection.createDataChannel("oai-events")
        self._channel.on("message", self.take)
        opened = asyncio.Event()
        self._channel.on("open", opened.set)
        offer, _ = await self.peer.offer()
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("sdp", offer, content_type="application/sdp")
        if self._session is not None:
            form.add_field("session", json.dumps(self._session), content_type="application/json")
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self._url}/v1/realtime/calls", data=form) as answer,
        ):
            assert answer.status == 201, await answer.text()
            self.location = answer.headers["Location"]
            await self.peer.accept(await answer.text())
        await self.peer.wait_connected(10.0)
        await asyncio.wait_for(opened.wait(), 10.0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.microphone.stop()
        await self.peer.close()
