"""Real sockets: UDP, and streams cut anywhere, kept alive, silent or flooded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.sip_settings import SipAddress
from signaling.sip.transaction import Flow
from signaling.sip.transport import MAX_OF_ONE, Closed, Listeners, plain_host
from tests.signaling.sip.phone import Phone

HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def echo(
    transport: str, *public: str, closed: Closed | None = None
) -> AsyncIterator[tuple[int, list[Flow]]]:
    """A listener that sends back what comes: its port, and the flows it came by."""
    flows: list[Flow] = []

    def received(data: bytes, flow: Flow) -> None:
        flows.append(flow)
        flow.send(data)

    listeners = Listeners(received, closed or (lambda _: None), public, None)
    await listeners.listen(SipAddress(transport, HOST, 0))  # type: ignore[arg-type]
    try:
        yield listeners.addresses[0].port, flows
    finally:
        await listeners.close()


@contextlib.asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_datagrams_are_answered_where_they_came_from() -> None:
    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            got.set_result(data)

    loop = asyncio.get_running_loop()
    got: asyncio.Future[bytes] = loop.create_future()
    async with echo("udp", "2001:db8::5", "203.0.113.5") as (port, flows):
        wire, _ = await loop.create_datagram_endpoint(Client, remote_addr=(HOST, port))
        wire.sendto(b"\r\n\r\n")
        wire.sendto(b"message")
        async with asyncio.timeout(5):
            assert await got == b"message", "a keep-alive is no message"
        (flow,) = flows
        assert flow.remote == wire.get_extra_info("sockname")
        assert flow.local == f"203.0.113.5:{port}"
        wire.close()


async def test_a_closed_connection_is_told() -> None:
    closed: asyncio.Queue[Flow] = asyncio.Queue()
    async with echo("tcp", closed=closed.put_nowait) as (port, flows), asyncio.timeout(5):
        async with connection(port) as (reader, writer):
            options = Phone().request("OPTIONS")
            writer.write(options)
            await reader.readexactly(len(options))
            assert closed.empty()
        assert await closed.get() is flows[0]


async def test_a_stream_is_cut_into_messages_and_kept_alive() -> None:
    invite, options = Phone().invite(), Phone().request("OPTIONS")
    async with echo("tcp") as (port, flows), connection(port) as (reader, writer):
        writer.write(invite[:100])
        await writer.drain()
        writer.write(invite[100:] + options + b"\r\n\r\n")
        async with asyncio.timeout(5):
            got = await reader.readexactly(len(invite) + len(options) + 2)
        assert got == invite + options + b"\r\n"
        assert flows[0] is flows[1]
        assert flows[0].local == f"{HOST}:{port}"


async def test_a_stream_without_sense_or_without_a_message_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with echo("tcp") as (port, flows), asyncio.timeout(5):
        async with connection(port) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
        monkeypatch.setattr("signaling.sip.transport.FIRST_MESSAGE", 0.05)
        async with connection(port) as (reader, writer):
            writer.write(b"INVITE sip:a@b SIP/2.0\r\n")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        assert flows == []


async def test_one_address_has_so_many_connections() -> None:
    async with echo("tcp") as (port, _), contextlib.AsyncExitStack() as stack, asyncio.timeout(10):
        ends = [await stack.enter_async_context(connection(port)) for _ in range(MAX_OF_ONE)]
        ends[-1][1].write(b"\r\n\r\n")
        assert await ends[-1][0].readexactly(2) == b"\r\n"
        reader, _ = await stack.enter_async_context(connection(port))
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


@pytest.mark.parametrize(
    ("host", "plain"), [("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1")]
)
def test_an_address_is_named_in_one_way(host: str, plain: str) -> None:
    assert plain_host(host) == plain
