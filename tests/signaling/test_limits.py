"""The limits of Socket.IO's clients at a real gateway: what each of them refuses, and to whom."""

from __future__ import annotations

import aiohttp
import pytest
import socketio

from tests.gateways import running_gateway
from tests.signaling.callers import Caller, Poll

NOBODY = "ws://127.0.0.1:9"
NEVER = 0.001
"""Tokens a second: none comes back while a test runs."""


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_new_connections_of_an_address_are_counted(transport: str) -> None:
    async with (
        running_gateway(NOBODY, request_rate=(NEVER, 2)) as gateway,
        Caller(gateway.url, transport),
        Caller(gateway.url, transport),
    ):
        third = Caller(gateway.url, transport)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await third.__aenter__()
        await third.leave()
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{gateway.url}/socket.io/?EIO=4&transport={transport}") as answer,
        ):
            assert answer.status == 429
            assert (await answer.json())["error"]["code"] == "rate_limited"


async def test_what_a_connection_asks_for_is_not() -> None:
    async with (
        running_gateway(NOBODY, request_rate=(NEVER, 1)) as gateway,
        aiohttp.ClientSession() as http,
    ):
        poll = Poll(http, gateway.url)
        await poll.connect()
        for number in range(5):
            await poll.send(f'42{number}["interrupt"]')
            assert "join_session comes first" in await poll.poll()
        # An upgrade belongs to the connection as well.
        upgrade = poll.address.replace("http", "ws", 1) + "websocket"
        async with http.ws_connect(upgrade) as socket:
            await socket.send_str("2probe")
            assert await socket.receive_str() == "3probe"
