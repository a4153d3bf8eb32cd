"""The embedded model as a Realtime WebSocket server: sessions on sockets, inference in threads."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from gateway.local_model.client_events import ClientEvent, ProtocolError, parse
from gateway.local_model.inference import InferencePool, Overloaded
from gateway.local_model.outputs import Drop, Hangup, Promote, Run, Send, Work
from gateway.local_model.session import Session
from gateway.local_model.vad import Scorer, earshot_scorer

log = structlog.get_logger(__name__)

PATH = "/v1/realtime"
DEFAULT_MODEL = "talkpath-demo"
LONGEST_SESSION = 3_600.0
"""Seconds, as at OpenAI."""

_SUBPROTOCOL = Subprotocol("realtime")
_LARGEST_MESSAGE = 32 * 1024 * 1024
"""Bytes: an append of 15 MiB in base64, and as much again so that a larger one gets an error."""
_PARSED_ON_LOOP = 256 * 1024
"""Characters; a longer message is parsed in a thread, so that no other session waits for it."""
_MOST_UNSENT = 32 * 1024 * 1024
"""Characters of events a client may leave unread; a client that reads nothing is cut off."""


class ModelServer:
    """Accepts Realtime sessions at `PATH` until closed."""

    def __init__(
        self,
        run: Callable[[Work], None],
        *,
        new_scorer: Callable[[], Scorer] = earshot_scorer,
        longest_session: float = LONGEST_SESSION,
    ) -> None:
        """``run`` does inference, see `Engine.run`. Create this on the loop it will run on."""
        self._pool = InferencePool(run)
        self._new_scorer = new_scorer
        self._longest_session = longest_session
        self._server: Server | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen; returns the URL. Raises OSError where the address cannot be had."""
        self._server = await serve(
            self._serve,
            host,
            port,
            select_subprotocol=_select_subprotocol,
            process_request=_check_path,
            max_size=_LARGEST_MESSAGE,
            compression=None,
            close_timeout=1.0,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        return f"ws://{shown}:{port}{PATH}"

    async def close(self) -> None:
        """End all sessions and stop the threads."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        self._pool.close()

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None, "the handshake is over"
        query = parse_qs(urlsplit(socket.request.path).query)
        session = Session(
            model=query.get("model", [DEFAULT_MODEL])[0],
            new_scorer=self._new_scorer,
            clock=lambda: datetime.now().astimezone(),
            now=time.monotonic(),
            longest=self._longest_session,
        )
        await _Connection(socket, session, self._pool).run()


class _Connection:
    """Drives one session: its socket, its deadline and its inference."""

    def __init__(self, socket: ServerConnection, session: Session, pool: InferencePool) -> None:
        self._socket, self._session, self._pool = socket, session, pool
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[str] = deque()
        self._unsent_size = 0
        self._hangup: Hangup | None = None
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def run(self) -> None:
        """Serve until the client leaves or is asked to."""
        log.debug("session opened", session=self._session.id)
        writer = asyncio.create_task(self._write(), name=f"write {self._session.id}")
        self._carry_out()
        try:
            async for message in self._socket:
                await self._receive(message)
        except ConnectionClosed:
            pass
        finally:
            self._closed = True
            self._pool.drop_all(self)
            if self._timer is not None:
                self._timer.cancel()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            log.debug("session closed", session=self._session.id, code=self._socket.close_code)

    async def _receive(self, message: str | bytes) -> None:
        session = self._session
        try:
            event = await self._parse(message)
        except ProtocolError as error:
            session.reject(error)
        else:
            session.handle(event, self._loop.time())
        self._carry_out()
        while session.has_unread_audio:
            session.read_audio(self._loop.time())
            self._carry_out()
            # A long append is many slices: let the other sessions' events in between.
            await asyncio.sleep(0)

    async def _parse(self, message: str | bytes) -> ClientEvent:
        if len(message) <= _PARSED_ON_LOOP:
            return parse(message)
        return await asyncio.to_thread(parse, message)

    def _carry_out(self) -> None:
        """Do what the session asks for, then set the clock for its deadline."""
        for output in self._session.outputs():
            match output:
                case Send(event):
                    text = json.dumps(event, separators=(",", ":"))
                    self._unsent.append(text)
                    self._unsent_size += len(text)
                case Run(work, urgent):
                    self._run(work, urgent=urgent)
                case Promote(work):
                    self._pool.promote(self, work)
                case Drop(work):
                    self._pool.drop(self, work)
                case Hangup():
                    self._hangup = output
        if self._unsent_size > _MOST_UNSENT:
            # A closing handshake would wait behind what is not being read.
            log.warning("client does not read its events", session=self._session.id)
            self._socket.transport.abort()
        self._wake.set()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._session.deadline, self._tick)

    def _run(self, work: Work, *, urgent: bool) -> None:
        try:
            self._pool.submit(self, work, urgent=urgent, done=self._finished)
        except Overloaded:
            # Not from here: the session is being asked for its outputs.
            self._loop.call_soon(self._finished, work, Overloaded("too much audio at once"))

    def _finished(self, work: Work, error: BaseException | None) -> None:
        if self._closed:
            return
        if error is None:
            self._session.finished(work, self._loop.time())
        else:
            self._session.failed(work, "The model failed.", self._loop.time())
        self._carry_out()

    def _tick(self) -> None:
        self._session.tick(self._loop.time())
        self._carry_out()

    async def _write(self) -> None:
        """Send what waits, in order; the socket's own buffer is what slows this down."""
        try:
            while True:
                while self._unsent:
                    text = self._unsent.popleft()
                    self._unsent_size -= len(text)
                    await self._socket.send(text)
                if self._hangup is not None:
                    await self._socket.close(self._hangup.code, self._hangup.reason)
                    return
                self._wake.clear()
                await self._wake.wait()
        except ConnectionClosed:
            return


def _select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """`realtime` where it is offered; clients that offer none, or others, are served as well."""
    return _SUBPROTOCOL if _SUBPROTOCOL in offered else None


def _check_path(_: ServerConnection, request: Request) -> Response | None:
    if urlsplit(request.path).path.rstrip("/") == PATH:
        return None
    status = HTTPStatus.NOT_FOUND
    body = f"The Realtime protocol is at {PATH}.\n".encode()
    headers = Headers({"Content-Type": "text/plain", "Content-Length": str(len(body))})
    headers["Connection"] = "close"
    return Response(status.value, status.phrase, headers, body)
