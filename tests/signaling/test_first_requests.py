"""Connections that ask for nothing are ended; those that did are left alone."""

from __future__ import annotations

import asyncio

import pytest

from signaling.app import Gateway
from signaling.first_requests import FirstRequests
from tests.gateways import loopback_settings
from tests.stand_in import StandIn

SHORT = 0.2


class Connection:
    def __init__(self) -> None:
        self.closed = False

    def force_close(self) -> None:
        self.closed = True


def test_the_time_runs_from_when_a_connection_is_seen() -> None:
    watch, early, late = FirstRequests(10.0), Connection(), Connection()
    watch.check([early], 100.0)
    watch.check([early, late], 109.9)
    assert not early.closed
    watch.check([early, late], 110.0)
    assert early.closed
    assert not late.closed
    watch.check([late], 119.9)
    assert late.closed


def test_what_is_gone_is_forgotten() -> None:
    watch, connection = FirstRequests(10.0), Connection()
    watch.check([connection], 0.0)
    watch.check([], 1.0)
    watch.check([connection], 10.0)
    assert not connection.closed


async def test_a_head_that_does_not_come_to_its_end(model: StandIn) -> None:
    gateway = Gateway(loopback_settings(model.url))
    gateway._first_requests = FirstRequests(SHORT)
    await gateway.start()
    try:
        port = int(gateway.url.rpartition(":")[2])
        asks, asks_to = await asyncio.open_connection("127.0.0.1", port)
        asks_to.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await asks.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        slow, slow_to = await asyncio.open_connection("127.0.0.1", port)
        slow_to.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n")
        with pytest.raises(asyncio.TimeoutError):
            # A byte now and then, which would keep an idle timer from running out.
            async with asyncio.timeout(SHORT / 4):
                await slow.read()
        slow_to.write(b"A:")
        async with asyncio.timeout(5):
            assert await slow.read() == b""
        asks_to.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await asks.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        for writer in (asks_to, slow_to):
            writer.close()
            await writer.wait_closed()
    finally:
        await gateway.stop()
