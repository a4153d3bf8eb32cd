from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from signaling import client_socket
from signaling.client_socket import ClientWebSocket


@pytest.mark.parametrize(("waiting", "code"), [(3, 1000), (30, 1008)])
async def test_what_was_sent_goes_out_before_the_end_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, waiting: int, code: int
) -> None:
    monkeypatch.setattr(client_socket, "MAX_UNSENT", 100)

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with ClientWebSocket(socket) as client:
            for number in range(waiting):
                client.send(f"message {number}")
            client.close("the end")
            async for _ in socket:
                pass
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    server = TestServer(app)
    await server.start_server()
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession() as http,
        http.ws_connect(server.make_url("/")) as socket,
    ):
        got = [frame.data async for frame in socket]
        assert socket.close_code == code
    assert got == ([f"message {n}" for n in range(waiting)] if code == 1000 else [])
    await server.close()
