"""python-socketio, fit for strangers: the only importer of it, and of Engine.IO below it.

The library trusts its clients where a gateway cannot. Here a packet that cannot be read becomes an
event of its own instead of an exception in the library's loop; binary attachments are bounded; a
connection can be cut, however full its pipe is; and no task outlives its connection.

Read in python-socketio 5.18 and python-engineio 4.15.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import engineio
import socketio
import structlog
from aiohttp import web
from engineio.payload import Payload

from gateway.core.strict_json import loads
from signaling.keys import shown_token

log = structlog.get_logger(__name__)

MAX_PACKET_BYTES: Final = 1_048_576
MAX_ATTACHMENTS: Final = 8
"""Binary packets that one event may be made of; the library would collect ten thousand million."""

MALFORMED: Final = "malformed packet"
"""The event that stands for a packet which cannot be read."""

_REASONS: Final = engineio.AsyncServer.reason
_CLOSED = frozenset({_REASONS.CLIENT_DISCONNECT, _REASONS.TRANSPORT_CLOSE})
"""Ends that a client brought about, so that it was there to the last. Other connections were lost.
"""

PING_INTERVAL: Final = 10.0
PING_TIMEOUT: Final = 10.0

LINGER: Final = 5.0
"""Seconds that a client has to close its WebSocket once it is disconnected, or read what is left.
"""

UPGRADE_TIMEOUT: Final = 10.0
"""Seconds that a polling client has to go on by a WebSocket which it opened; the library itself
would wait for ever, though the client had long stopped polling.
"""

ENTER_TIMEOUT: Final = 45.0
"""Seconds to enter the namespace, as at Socket.IO's own server; the library would wait for ever."""

_CLOSE_TIMEOUT = 1.0
"""Seconds that all clients have to close their end when the gateway stops."""

_TO_THE_LIBRARY = frozenset({"*", "connect", "connect_error", "disconnect"})
"""Names with a meaning of their own: no client may call the gateway's ``connect``."""

# The library's documented knob, for the whole process. A polling client sends all that gathered
# while its last request was under way at once, and of more than 16 packets none would be read.
Payload.max_decode_packets = 1_000

_UNREADABLE = (ValueError, TypeError, LookupError, RecursionError)


class Refusal(Exception):
    """A connection is not let in: its client reads the message, and the code in ``data``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.data = {"code": code, "message": message}


class _Json:
    loads = staticmethod(loads)
    dumps = staticmethod(json.dumps)


class Packet(socketio.packet.Packet):  # type: ignore[misc]
    """A Socket.IO packet (protocol 5) that can always be handled: in the place of one that cannot
    stands the event :data:`MALFORMED`, acknowledged under its id if that could be read.
    """

    json = _Json

    def __init__(self, *args: Any, encoded_packet: Any = None, **fields: Any) -> None:
        super().__init__(*args, encoded_packet=encoded_packet, **fields)
        if encoded_packet is not None and not encoded_packet:
            self.data = [MALFORMED]

    def decode(self, encoded_packet: Any) -> int:
        try:
            attachments: int = super().decode(encoded_packet)
        except _UNREADABLE:
            attachments = -1
        if self._is_sound(attachments):
            return attachments
        self.packet_type, self.data = socketio.packet.EVENT, [MALFORMED]
        return 0

    def _is_sound(self, attachments: int) -> bool:
        kinds = socketio.packet
        if self.packet_type in (kinds.BINARY_EVENT, kinds.BINARY_ACK):
            if not 0 < attachments <= MAX_ATTACHMENTS:
                return False
        elif attachments != 0:
            return False
        if self.packet_type in (kinds.EVENT, kinds.BINARY_EVENT):
            name = self.data[0] if isinstance(self.data, list) and self.data else None
            return isinstance(name, str) and name not in _TO_THE_LIBRARY
        return self.packet_type in (kinds.CONNECT, kinds.DISCONNECT, kinds.ACK, kinds.BINARY_ACK)

    def add_attachment(self, attachment: Any) -> bool:
        """True when the packet is complete, or can no longer be."""
        try:
            if isinstance(attachment, bytes):
                return bool(super().add_attachment(attachment))
        except _UNREADABLE:
            pass  # A placeholder that names no attachment.
        self.data = [MALFORMED]
        return True


class _Engine(engineio.AsyncServer):  # type: ignore[misc]
    """Keeps the tasks that Engine.IO starts: a ping task would sleep on after its socket."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._owners: dict[asyncio.Task[Any], object] = {}

    def start_background_task(self, target: Any, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super().start_background_task(target, *args, **kwargs)
        self._owners[task] = getattr(target, "__self__", None)
        task.add_done_callback(self._owners.pop)
        return task

    def retire(self) -> None:
        """End the tasks of sockets that are closed."""
        for task, owner in list(self._owners.items()):
            if getattr(owner, "closed", False):
                task.cancel()

    async def shutdown(self) -> None:
        """End all tasks; the library's own way may be gone but once."""
        tasks = list(self._owners)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Server(socketio.AsyncServer):  # type: ignore[misc]
    when_connected: Callable[[str], None]
    """Takes Engine.IO's ``sid`` of each connection."""

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        self.when_connected(eio_sid)

    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine


class _WebSocket:
    """One WebSocket that is open."""

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self._timer: asyncio.TimerHandle | None = None

    def abort(self) -> None:
        """Drop the connection and what it has not sent: a writer may wait for its client for
        ever.
        """
        if self.request.transport is not None:
            self.request.transport.abort()

    def abort_in(self, seconds: float | None) -> None:
        """None: not at all."""
        if self._timer is not None:
            self._timer.cancel()
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.abort)


class SocketServer:
    """Socket.IO connections of one namespace, ``/``.

    :param admit: whether a page of this ``Origin`` may connect, given the request's ``Host``.
    :param max_packet_bytes: of one event, or of one request of a polling client.
    :param ping_interval, ping_timeout: seconds; a dead connection is noticed after their sum.
    :param upgrade_timeout: seconds that the upgrade of a polling connection may take.
    :param enter_timeout: seconds that a connection has to enter the namespace.
    """

    def __init__(
        self,
        admit: Callable[[str | None, str | None], bool],
        *,
        max_packet_bytes: int = MAX_PACKET_BYTES,
        ping_interval: float = PING_INTERVAL,
        ping_timeout: float = PING_TIMEOUT,
        linger: float = LINGER,
        upgrade_timeout: float = UPGRADE_TIMEOUT,
        enter_timeout: float = ENTER_TIMEOUT,
    ) -> None:
        self._server = _Server(
            async_mode="aiohttp",
            # One event of a connection after another, in the order sent.
            async_handlers=False,
            serializer=Packet,
            cors_allowed_origins=lambda origin, environ: admit(origin, environ.get("HTTP_HOST")),
            max_http_buffer_size=max_packet_bytes,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
        )
        self._server.when_connected = self._expect_to_enter
        self._engine: _Engine = self._server.eio
        self._linger = linger
        self._upgrade_timeout, self._enter_timeout = upgrade_timeout, enter_timeout
        self._websockets: set[_WebSocket] = set()
        self._no_websockets = asyncio.Event()
        self._no_websockets.set()

    def on(self, event: str, handler: Callable[..., Awaitable[Any]]) -> None:
        """``handler(sid, *data)`` takes an event and returns its acknowledgement; ``*`` takes the
        events that have no handler, and their name first.
        """
        self._server.on(event, handler)

    def on_connection(
        self,
        connected: Callable[[str, str | None, web.Request], Awaitable[None]],
        disconnected: Callable[[str, bool], Awaitable[None]],
    ) -> None:
        """:param connected: takes the ``sid`` of a new connection, the token that it shows, and the
            request that it began with; raises :class:`Refusal`.
        :param disconnected: takes the ``sid`` of one that ended, and whether it was lost: what was
            sent last may not have arrived.
        """

        async def on_connect(sid: str, environ: dict[str, Any], auth: object = None) -> None:
            self._abort_in(None, sid)
            token = shown_token(auth, environ.get("HTTP_AUTHORIZATION"))
            try:
                await connected(sid, token, environ["aiohttp.request"])
            except Refusal as refusal:
                self._abort_in(self._linger, sid)
                raise socketio.exceptions.ConnectionRefusedError(
                    str(refusal), refusal.data
                ) from None

        async def on_disconnect(sid: str, reason: str) -> None:
            self._abort_in(self._linger, sid)
            await disconnected(sid, reason not in _CLOSED)

        self._server.on("connect", on_connect)
        self._server.on("disconnect", on_disconnect)

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/socket.io/", self._serve)]

    def is_connected(self, engine_sid: str) -> bool:
        """Whether there is a connection that requests may name by this ``sid`` of Engine.IO."""
        socket = self._engine.sockets.get(engine_sid)
        return socket is not None and not socket.closed

    async def emit(self, sid: str, name: str, payload: Any) -> None:
        """Queue an event for one connection. ``payload``: a tuple stands for several arguments."""
        await self._server.emit(name, payload, to=sid)

    def backlog(self, sid: str) -> int:
        """Packets that wait for this connection; Engine.IO's queue itself has no bound."""
        socket = self._engine.sockets.get(self._engine_sid(sid))
        return socket.queue.qsize() if socket is not None else 0

    def cut(self, sid: str) -> None:
        """End a connection as a broken network would: its client may come back and resume."""
        self._cut(self._engine_sid(sid))

    async def close(self) -> None:
        """Close all connections, by force those whose client does not."""
        for socket in list(self._engine.sockets.values()):
            await socket.close(wait=False)
            # The end of its writer, and with it of its WebSocket.
            socket.queue.put_nowait(None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._no_websockets.wait()
        for websocket in self._websockets:
            websocket.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._no_websockets.wait()
        await self._engine.shutdown()

    # -- inside

    def _expect_to_enter(self, engine_sid: str) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._enter_timeout, self._cut_outsider, engine_sid)

    def _cut_outsider(self, engine_sid: str) -> None:
        if not self._server.manager.sid_from_eio_sid(engine_sid, "/"):
            self._cut(engine_sid)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        """One request of Engine.IO."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            sid = request.query.get("sid")
            return await (self._upgrade(request, sid) if sid else self._serve_websocket(request))
        socket = self._engine.sockets.get(request.query.get("sid"))
        response: web.StreamResponse = await self._server.handle_request(request)
        if socket is not None and socket.closed:
            # The client said goodbye. Its poll would wait for a ping all the same.
            socket.queue.put_nowait(None)
        return response

    async def _upgrade(self, request: web.Request, sid: str) -> web.StreamResponse:
        """A WebSocket that is to go on with a polling connection. One at a time: no limit of new
        connections counts it.
        """
        if self._websocket_of(sid) is not None:
            return web.Response(status=400)
        socket = self._engine.sockets.get(sid)

        def give_up() -> None:
            if (socket is None or not socket.upgraded) and request.transport is not None:
                request.transport.abort()

        timer = asyncio.get_running_loop().call_later(self._upgrade_timeout, give_up)
        try:
            return await self._serve_websocket(request)
        finally:
            timer.cancel()
            if socket is not None and not socket.upgraded:
                # The library leaves it so where the WebSocket broke, and then sends nothing.
                socket.upgrading = False

    async def _serve_websocket(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket, for as long as it lasts."""
        websocket = _WebSocket(request)
        self._websockets.add(websocket)
        self._no_websockets.clear()
        try:
            response: web.StreamResponse = await self._server.handle_request(request)
        except _UNREADABLE as error:
            # The library does not catch what its own parser raises, and would keep the socket.
            log.info("client does not speak Engine.IO", error=type(error).__name__)
            self._cut(self._engine_sid_of(websocket))
            response = web.Response(status=400)
        finally:
            websocket.abort_in(None)
            self._websockets.remove(websocket)
            if not self._websockets:
                self._no_websockets.set()
            self._engine.retire()
        return response

    def _engine_sid(self, sid: str) -> str | None:
        found: str | None = self._server.manager.eio_sid_from_sid(sid, "/")
        return found

    def _engine_sid_of(self, websocket: _WebSocket) -> str | None:
        """The Engine.IO session of a WebSocket: an upgrade names it, else it began with it."""
        environs: Mapping[str, Mapping[str, Any]] = self._server.environ
        request = websocket.request
        began = (sid for sid, e in environs.items() if e["aiohttp.request"] is request)
        return request.query.get("sid") or next(began, None)

    def _websocket_of(self, engine_sid: str | None) -> _WebSocket | None:
        """None while the connection polls."""
        if engine_sid is None:
            return None
        environ = self._server.environ.get(engine_sid, {})
        for websocket in self._websockets:
            request = websocket.request
            began_here = environ.get("aiohttp.request") is request
            if began_here or request.query.get("sid") == engine_sid:
                return websocket
        return None

    def _abort_in(self, seconds: float | None, sid: str) -> None:
        websocket = self._websocket_of(self._engine_sid(sid))
        if websocket is not None:
            websocket.abort_in(seconds)

    def _cut(self, engine_sid: str | None) -> None:
        websocket = self._websocket_of(engine_sid)
        if websocket is not None:
            websocket.abort()
        socket = self._engine.sockets.get(engine_sid)
        if socket is not None:
            # The end of its writer.
            socket.queue.put_nowait(None)
            self._engine.start_background_task(
                socket.close, wait=False, abort=True, reason=_REASONS.TRANSPORT_ERROR
            )
