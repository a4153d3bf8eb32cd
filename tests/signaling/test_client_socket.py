from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from signaling import client_socket
from signaling.client_socket import ClientWebSocket
from signaling.http_errors import Handler


@contextlib.asynccontextmanager
async def opened(serve: Handler) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A client's end of a socket that ``serve`` serves."""
    app = web.Application()
    app.router.add_get("/", serve)
    server = TestServer(app)
    await server.start_server()
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession() as http,
        http.ws_connect(server.make_url("/")) as socket,
    ):
        yield socket
    await server.close()


@pytest.mark.parametrize(("waiting", "code"), [(3, 1000), (30, 1008)])
async def test_what_was_sent_goes_out_before_the_end_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, waiting: int, code: int
) -> None:
    monkeypatch.setattr(client_socket, "MAX_UNSENT", 100)

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with ClientWebSocket(socket, request) as client:
            for number in range(waiting):
                client.send(f"message {number}")
            client.close("the end")
            async for _ in socket:
                pass
        return socket

    async with opened(serve) as socket:
        got = [frame.data async for frame in socket]
        assert socket.close_code == code
    assert got == ([f"message {n}" for n in range(waiting)] if code == 1000 else [])


async def test_one_that_is_closed_before_it_is_open_is_closed_then() -> None:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        client = ClientWebSocket(socket, request)
        client.close("too late")
        await socket.prepare(request)
        async with client:
            async for _ in socket:
                pass
        return socket

    async with opened(serve) as socket:
        frame = await socket.receive()
        assert (frame.type, frame.extra) == (aiohttp.WSMsgType.CLOSE, "too late")


@pytest.mark.parametrize("told", [False, True])
async def test_one_that_reads_nothing_is_cut(monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    """``told``: the session ends before it has left too much unread."""
    monkeypatch.setattr(client_socket, "CLOSE_TIMEOUT", 0.05)
    ended = asyncio.Event()

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        try:
            async with ClientWebSocket(socket, request) as client:
                # More than the kernel takes, and as often as it takes to be cut.
                for _ in range(14 if told else 64):
                    client.send("x" * (1 << 20))
                    await asyncio.sleep(0)
                if told:
                    client.close("the end")
                async for _ in socket:
                    pass
        finally:
            ended.set()
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    server = TestServer(app)
    await server.start_server()
    url = server.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=1)
    lines = ("GET / HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade")
    key = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
    writer.write("\r\n".join((*lines, *key, "", "")).encode())
    async with asyncio.timeout(10):
        await ended.wait()
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 20):
                pass
    writer.close()
    await server.close()
