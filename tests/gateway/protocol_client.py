"""A client of the Realtime protocol without a wire: attached to a session, told of its events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from gateway.client_line import ClientLine
from gateway.core.control import Right
from gateway.media.socket_audio import SocketAudio
from gateway.session import Session
from tests.event_recorder import Recorder


class ProtocolClient(Recorder):
    """:param rights: None: the session's caller, who hears by events."""

    line: ClientLine

    def __init__(self, session: Session, rights: frozenset[Right] | None = None) -> None:
        super().__init__(self._give)
        self.session = session
        self.closed: str | None = None
        self.over = asyncio.Event()
        self.line = session.clients.attach(
            _Socket(self), rights or frozenset(), SocketAudio() if rights is None else None
        )

    async def _give(self, message: str) -> None:
        self.session.clients.receive(self.line, message)

    async def ended(self) -> str:
        async with asyncio.timeout(10):
            await self.over.wait()
        return self.closed or ""

    def errors(self) -> list[Any]:
        return [event["error"] for event in self.of("error")]


class _Socket:
    def __init__(self, client: ProtocolClient) -> None:
        self._client = client

    def send(self, message: str) -> None:
        assert json.loads(message)
        self._client.take(message)

    def close(self, reason: str) -> None:
        self._client.closed = reason
        self._client.over.set()


def user_message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
