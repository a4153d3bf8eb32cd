"""Bodies of HTTP requests, without a network."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from gateway.core.events import ErrorCode, GatewayError
from signaling import bodies
from signaling.bodies import read_body


def payload(*parts: bytes, ended: bool = True) -> StreamReader:
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    stream = StreamReader(protocol, 2**16, loop=loop)
    for part in parts:
        stream.feed_data(part)
    if ended:
        stream.feed_eof()
    return stream


async def test_a_body_is_read_to_its_bound_and_not_beyond() -> None:
    request = make_mocked_request("POST", "/", payload=payload(b"a" * 1_000, b"b" * 24))
    assert await read_body(request, 1_024, "offer") == b"a" * 1_000 + b"b" * 24
    request = make_mocked_request("POST", "/", payload=payload(b"a" * 1_025, ended=False))
    with pytest.raises(GatewayError, match="offer is larger than 1 KiB") as caught:
        await read_body(request, 1_024, "offer")
    assert caught.value.code is ErrorCode.TOO_LARGE


async def test_a_body_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.01)
    request = make_mocked_request("POST", "/", payload=payload(b"{", ended=False))
    with pytest.raises(GatewayError, match="did not arrive in time") as caught:
        await read_body(request, 1_024, "offer")
    assert caught.value.code is ErrorCode.BAD_REQUEST
