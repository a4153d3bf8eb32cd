"""WebSockets that control a call at another gateway: each event goes on to there, and back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from aiohttp import web

from gateway.core.events import ErrorCode, GatewayError
from signaling.auth import CALLER
from signaling.client_inbox import ClientInbox, Message
from signaling.client_socket import ClientWebSocket
from signaling.cluster.bus import Body, Bus, Gone, not_serving
from signaling.cluster.lines import Lines
from signaling.cluster.relayed import relayed
from signaling.forwarded import remote_of
from signaling.http_errors import Refused

_DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)

_LOST: Final = "the gateway of the call was lost"


@dataclass(slots=True)
class _There:
    """What stands for a client's socket at the gateway of its call: a connection to itself."""

    place: str
    socket: aiohttp.ClientWebSocketResponse


class SocketRelay:
    """Both ends of it.

    :param http: reaches this gateway itself.
    """

    def __init__(self, bus: Bus, lines: Lines, http: Callable[[], aiohttp.ClientSession]) -> None:
        self._bus, self._lines, self._http = bus, lines, http
        self._here: dict[str, ClientWebSocket] = {}
        self._there: dict[str, _There] = {}
        self._serving: set[asyncio.Task[object]] = set()
        bus.on_ask("socket", self._open)
        bus.on_ask("to-call", self._take)
        bus.on_tell("from-call", self._give)
        bus.on_tell("socket-left", self._left)
        bus.on_tell("socket-closed", self._closed)

    async def close(self) -> None:
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    def elsewhere(self, call_id: str) -> str | None:
        """The other gateway that a call is of; None: it is none of another's."""
        return self._bus.place.elsewhere(call_id)

    # -- at the client's gateway

    async def pass_on(
        self, request: web.Request, socket: web.WebSocketResponse, place: str
    ) -> web.WebSocketResponse:
        """Serve a socket whose request names a call of the gateway ``place``.

        :param socket: not prepared yet.
        :raises Refused: as that gateway refuses it, or it cannot be asked.
        """
        line, client = secrets.token_hex(12), ClientWebSocket(socket, request)
        self._here[line] = client
        self._lines.add(line, place, lambda: client.close(_LOST))
        try:
            await self._ask(place, line, request)
            self._lines.opened(line)
            await socket.prepare(request)
            async with client:

                async def take(message: Message) -> None:
                    # The next one waits until this one is taken there.
                    try:
                        await self._bus.ask(place, "to-call", {"line": line, "event": message})
                    except (Gone, GatewayError):
                        client.close(_LOST)

                await ClientInbox(lambda _: False, take).read(socket)
        finally:
            del self._here[line]
            self._lines.remove(line)
            self._tell(place, "socket-left", line)
        return socket

    async def _ask(self, place: str, line: str, request: web.Request) -> None:
        call_id = request.query["call_id"]
        headers = relayed(request[CALLER], remote_of(request))
        asked = {"line": line, "path": request.path_qs, "headers": headers}
        try:
            refused = (await self._bus.ask(place, "socket", asked)).get("status")
        except Gone:
            refused = HTTPStatus.NOT_FOUND.value
        if refused is not None:
            status = HTTPStatus(refused)
            code = status.phrase.lower().replace(" ", "_")
            raise Refused(status, code, f"the call {call_id[:64]!r}: {status.phrase.lower()}")

    def _give(self, place: str, body: Body) -> None:
        """An event for the client."""
        client = self._here.get(str(body.get("line")))
        if client is not None and isinstance(event := body.get("event"), str):
            client.send(event)

    def _closed(self, place: str, body: Body) -> None:
        client = self._here.get(str(body.get("line")))
        if client is not None:
            client.close(str(body.get("reason") or ""))

    # -- at the call's gateway

    async def _open(self, place: str, asked: Body) -> Body:
        line = str(asked["line"])
        try:
            socket = await self._http().ws_connect(
                asked["path"], headers=asked["headers"], max_msg_size=0, autoping=True
            )
        except aiohttp.WSServerHandshakeError as refused:
            return {"status": refused.status}
        except aiohttp.ClientError:
            raise not_serving() from None
        self._there[line] = there = _There(place, socket)
        self._lines.add(line, place, lambda: self._leave(line))
        self._lines.opened(line)
        self._spawn(self._serve(line, there), f"cluster-socket-{line}")
        return {}

    def _spawn(self, what: Coroutine[Any, Any, object], name: str) -> None:
        task = asyncio.create_task(what, name=name)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _take(self, place: str, body: Body) -> Body:
        """An event of the client."""
        there, event = self._there.get(str(body["line"])), body["event"]
        if there is None or there.place != place:
            raise not_serving()
        try:
            if isinstance(event, str):
                await there.socket.send_str(event)
            else:
                await there.socket.send_bytes(event)
        except ConnectionError:
            raise not_serving() from None
        return {}

    def _left(self, place: str, body: Body) -> None:
        self._leave(str(body.get("line")))

    def _leave(self, line: str) -> None:
        there = self._there.pop(line, None)
        self._lines.remove(line)
        if there is not None:
            self._spawn(there.socket.close(), f"cluster-socket-leaves-{line}")

    async def _serve(self, line: str, there: _There) -> None:
        """Until the call ends, or the client leaves."""
        reason = ""
        try:
            while True:
                frame = await there.socket.receive()
                if frame.type not in _DATA:
                    reason = str(frame.extra or "")
                    break
                self._tell(there.place, "from-call", line, event=frame.data)
        finally:
            self._there.pop(line, None)
            self._lines.remove(line)
            await there.socket.close()
            self._tell(there.place, "socket-closed", line, reason=reason)

    def _tell(self, place: str, what: str, line: str, **body: Any) -> None:
        try:
            self._bus.tell(place, what, {"line": line, **body})
        except GatewayError as error:
            if error.code is not ErrorCode.UPSTREAM_UNAVAILABLE:
                raise
            # What is missing now would not be noticed.
            self._leave(line)
            if (client := self._here.get(line)) is not None:
                client.close(_LOST)
