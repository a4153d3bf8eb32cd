"""SIP over WebSocket on ``/sip`` (RFC 7118): for phones in a browser."""

from __future__ import annotations

import asyncio
import re
from typing import Final, Literal

import aiohttp
from aiohttp import web

from gateway.core.events import ErrorCode, GatewayError
from signaling.forwarded import remote_of
from signaling.origins import Origins
from signaling.sip.framing import PONG
from signaling.sip.message import MAX_MESSAGE
from signaling.sip.transport import Closed, Received, host_port, plain_host

SUBPROTOCOL: Final = "sip"

MAX_UNSENT: Final = 256
"""Messages that wait for a peer which reads nothing; then the connection is cut."""

HEARTBEAT: Final = 30.0
"""Seconds between two WebSocket pings."""

_HOST: Final = re.compile(r"[\w.-]{1,255}(:\d{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:\d{1,5})?")


class WebSocketFlow:
    """One browser's connection."""

    reliable: Final = True

    def __init__(
        self, transport: Literal["ws", "wss"], remote: tuple[str, int], local: str
    ) -> None:
        self.transport = transport
        self.remote = remote
        self.local = local
        self.unsent: asyncio.Queue[str | None] = asyncio.Queue(MAX_UNSENT)
        """Messages to send, and None to close."""

    def send(self, data: bytes) -> None:
        """As text: phones in browsers take nothing else."""
        try:
            self.unsent.put_nowait(data.decode())
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """Once what was sent is on its way; at once, if too much waits."""
        if self.unsent.full():
            while not self.unsent.empty():
                self.unsent.get_nowait()
        self.unsent.put_nowait(None)


class WebSocketDoor:
    """The route of SIP over WebSocket."""

    def __init__(self, received: Received, closed: Closed, origins: Origins) -> None:
        self._received = received
        self._closed = closed
        self._origins = origins
        self._flows: set[WebSocketFlow] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/sip", self._connect)]

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        host = request.headers.get("Host")
        if not self._origins.admit(request.headers.get("Origin"), host):
            raise GatewayError(ErrorCode.UNAUTHORIZED, "this origin is not in ALLOWED_ORIGINS")
        offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if SUBPROTOCOL not in (name.strip() for name in offered):
            raise GatewayError(ErrorCode.BAD_REQUEST, "the WebSocket subprotocol must be sip")
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), max_msg_size=MAX_MESSAGE, heartbeat=HEARTBEAT
        )
        await socket.prepare(request)
        flow = _flow(request, host)
        self._flows.add(flow)
        sending = asyncio.create_task(_send(socket, flow), name="sip-websocket")
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._take(frame.data.encode(errors="replace"), flow)
                elif frame.type is aiohttp.WSMsgType.BINARY:
                    self._take(frame.data, flow)
        finally:
            self._flows.discard(flow)
            self._closed(flow)
            sending.cancel()
            await asyncio.wait([sending])
        return socket

    def _take(self, data: bytes, flow: WebSocketFlow) -> None:
        if data.strip():
            self._received(data, flow)
        else:
            flow.send(PONG)

    def close(self) -> None:
        """Close all connections, once what was sent is on its way."""
        for flow in list(self._flows):
            flow.close()


def _flow(request: web.Request, host: str | None) -> WebSocketFlow:
    wire = request.transport
    peer = wire.get_extra_info("peername") if wire is not None else None
    own = wire.get_extra_info("sockname") if wire is not None else None
    # Of whom a trusted proxy speaks for: by this address limits count, and the audit log names it.
    remote = plain_host(remote_of(request)) or "0.0.0.0", peer[1] if peer else 0
    if host is None or not _HOST.fullmatch(host):
        host = host_port(plain_host(own[0]), own[1]) if own else "talkpath.invalid"
    return WebSocketFlow("wss" if request.secure else "ws", remote, host)


async def _send(socket: web.WebSocketResponse, flow: WebSocketFlow) -> None:
    """Until the connection is closed, by either side."""
    try:
        while (message := await flow.unsent.get()) is not None:
            await socket.send_str(message)
    except ConnectionError:
        return
    await socket.close()
