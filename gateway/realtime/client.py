"""One WebSocket to a Realtime server, kept up as long as its caller stays.

Everything sent goes through one bounded queue and one writer, so that audio and commands keep their
order. While the server is slow or away, the oldest audio is given up first; commands never are.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from gateway.realtime import protocol

log = structlog.get_logger(__name__)

BACK_OFF = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt; the last one repeats. A quarter is random, so that many
calls spread out.
"""

STEADY_AFTER = 5.0
"""Seconds a connection must have lasted for the back-off to start over."""

OPEN_TIMEOUT = 10.0
MAX_EVENT_BYTES = 16 * 1024 * 1024
MAX_AUDIO_FRAMES = 250
"""Audio frames kept unsent: five seconds at 20 ms. More would be answered too late to matter."""

MAX_COMMANDS = 1_000
_REFUSALS = {
    401: "the model's server refused the API key",
    403: "the model's server refused access with this API key",
    404: "the model's server does not know this model or path",
}


class ModelRefused(Exception):
    """The server will not take this client, however often it asks: one clear sentence says why."""


class ModelOverrun(Exception):
    """More commands wait for the server than a live conversation can have."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Realtime server. ``url`` is ``ws://`` or ``wss://``; ``model`` goes into its query unless
    it has one.
    """

    url: str
    model: str = ""
    api_key: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The URL to open."""
        parts = urlsplit(self.url)
        query = dict(parse_qsl(parts.query))
        if self.model:
            query.setdefault("model", self.model)
        return urlunsplit(parts._replace(query=urlencode(query)))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    @property
    def on_this_machine(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


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
        self._queue: deque[tuple[bool, bytes | str]] = deque()
        self._queued_audio = 0
        self._wake = asyncio.Event()
        self._told_lost = False
        self.connected = False
        self.dropped_frames = 0

    @property
    def backlog(self) -> int:
        """Frames and commands not yet handed to the socket."""
        return len(self._queue)

    def send(self, event: Mapping[str, Any]) -> None:
        """Queue a command; it is dropped while there is no connection, since a new one starts
        afresh.

        :raises ModelOverrun: too many commands wait.
        """
        if not self.connected:
            return
        if len(self._queue) - self._queued_audio >= MAX_COMMANDS:
            raise ModelOverrun("the model takes no more commands")
        self._put(False, json.dumps(event))

    def append(self, pcm: bytes) -> None:
        """Queue caller's audio (PCM16 mono, 24 kHz); the oldest is dropped when too much waits."""
        if not self.connected:
            return
        if self._queued_audio >= MAX_AUDIO_FRAMES:
            self._drop_oldest_audio()
        self._queued_audio += 1
        self._put(True, protocol.append_frame(pcm))

    def _put(self, is_audio: bool, frame: bytes | str) -> None:
        self._queue.append((is_audio, frame))
        self._wake.set()

    def _drop_oldest_audio(self) -> None:
        for index, (is_audio, _) in enumerate(self._queue):
            if is_audio:
                del self._queue[index]
                self._queued_audio -= 1
                self.dropped_frames += 1
                return

    async def run(self) -> None:
        """Keep a connection until cancelled.

        :raises ModelRefused: no further attempt can succeed.
        """
        attempt = 0
        while True:
            started = monotonic()
            try:
                async with self._open() as socket:
                    self._told_lost = False
                    await self._converse(socket)
                reason = "the model's server closed the connection"
            except InvalidStatus as error:
                status = error.response.status_code
                if status in _REFUSALS:
                    raise ModelRefused(f"{_REFUSALS[status]} (HTTP {status})") from None
                reason = f"the model's server answered HTTP {status}"
            except InvalidURI:
                raise ModelRefused("REALTIME_URL is not a WebSocket address") from None
            except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
                reason = f"the model's server cannot be reached ({type(error).__name__})"
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

    def _open(self) -> connect:
        return connect(
            self._endpoint.address,
            additional_headers=self._endpoint.headers,
            compression=None,  # base64 of PCM does not shrink enough to pay for it
            max_size=MAX_EVENT_BYTES,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=1,
            proxy=None if self._endpoint.on_this_machine else True,
        )

    async def _converse(self, socket: ClientConnection) -> None:
        self._queue.clear()
        self._queued_audio = 0
        self.connected = True
        writer = asyncio.create_task(self._write(socket), name="model-writer")
        try:
            self._handler.on_model_connected()
            async for frame in socket:
                self._take(frame)
        except ConnectionClosed:
            pass
        finally:
            self.connected = False
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    def _take(self, frame: str | bytes) -> None:
        try:
            event = json.loads(frame)
        except ValueError:
            log.warning("model sent a frame that is not JSON", length=len(frame))
            return
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            self._handler.on_model_event(protocol.normalise(event))

    async def _write(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    is_audio, frame = self._queue.popleft()
                    self._queued_audio -= is_audio
                    await socket.send(frame, text=True)
