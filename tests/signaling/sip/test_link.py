"""Connections on demand, with real sockets and certificates."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.sip_settings import SipAddress, Transport
from signaling.sip import link as module
from signaling.sip.link import Link, Server
from signaling.sip.resolver import Hop, Resolver, Unreachable
from signaling.sip.transaction import Flow
from signaling.sip.transport import Listeners, OutboundFlow, StreamFlow
from tests.certificates import self_signed
from tests.signaling.callers import until
from tests.signaling.sip.phone import Phone

HOST = "127.0.0.1"


class End:
    """Listeners, and what came to them."""

    def __init__(self, tls: ssl.SSLContext | None = None, public: tuple[str, ...] = ()) -> None:
        self.got: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.closed: asyncio.Queue[Flow] = asyncio.Queue()
        self.listeners = Listeners(
            lambda data, flow: self.got.put_nowait((data, flow)),
            self.closed.put_nowait,
            public,
            tls,
        )

    async def listen(self, *transports: Transport) -> int:
        for transport in transports:
            await self.listeners.listen(SipAddress(transport, HOST, 0))
        return self.listeners.addresses[0].port

    def link(self, server: Server, **more: object) -> Link:
        return Link(server, self.listeners, Resolver(), **more)  # type: ignore[arg-type]

    async def next(self) -> tuple[bytes, Flow]:
        async with asyncio.timeout(5):
            return await self.got.get()


@contextlib.asynccontextmanager
async def two_ends(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[End, End]]:
    ends = End(), End(tls)
    try:
        yield ends
    finally:
        for end in ends:
            await end.listeners.close()


async def test_a_connection_is_opened_once_and_again_when_it_was_lost() -> None:
    async with two_ends() as (ours, theirs):
        link = ours.link(Server("tcp", HOST, await theirs.listen("tcp")))
        flow, same = await asyncio.gather(link.open(), link.open())
        assert flow is same
        options = Phone().request("OPTIONS")
        flow.send(options)
        data, back = await theirs.next()
        assert data == options
        back.send(options)
        assert await ours.next() == (options, flow), "answers come by the same connection"
        assert isinstance(back, StreamFlow)
        back.close()
        async with asyncio.timeout(5):
            assert await ours.closed.get() is flow
        again = await link.open()
        assert again is not flow
        link.close()
        await until(lambda: not ours.closed.empty())


async def test_a_peer_is_told_where_we_listen() -> None:
    async with two_ends() as (ours, theirs):
        port = await theirs.listen("tcp")
        link = ours.link(Server("tcp", HOST, port))
        flow = await link.open()
        assert flow.local.startswith(f"{HOST}:")
        link.close()
        listening = await ours.listen("tcp")
        flow = await link.open()
        assert flow.local == f"{HOST}:{listening}"
        link.close()


async def test_udp_goes_by_the_socket_that_listens() -> None:
    async with two_ends() as (ours, theirs):
        port = await theirs.listen("udp")
        link = ours.link(Server("udp", HOST, port))
        with pytest.raises(Unreachable, match="no udp address of SIP_LISTEN"):
            await link.open()
        listening = await ours.listen("tcp", "udp")
        flow = await link.open()
        flow.send(b"hello")
        _, back = await theirs.next()
        assert back.remote == (HOST, ours.listeners.addresses[1].port)
        assert listening != back.remote[1]
        link.close()


async def test_a_connection_that_nobody_needs_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 0.05)
    needed = [True]
    async with two_ends() as (ours, theirs):
        server = Server("tcp", HOST, await theirs.listen("tcp"))
        link = ours.link(server, is_needed=lambda _: needed[0])
        flow = await link.open()
        assert isinstance(flow, OutboundFlow)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ours.closed.get()
        needed[0] = False
        async with asyncio.timeout(5):
            assert await ours.closed.get() is flow


async def test_the_next_address_is_tried_and_the_bad_one_last() -> None:
    class Two(Resolver):
        async def resolve(self, transport: Transport, host: str, port: int | None) -> list[Hop]:
            return [Hop(transport, HOST, each, host) for each in ports]

    async with two_ends() as (ours, theirs), two_ends() as (_, others):
        dead = await asyncio.start_server(lambda *_: None, HOST, 0)
        ports = [dead.sockets[0].getsockname()[1], await theirs.listen("tcp")]
        dead.close()
        ports.append(await others.listen("tcp"))
        link = Link(Server("tcp", "acme.test"), ours.listeners, Two())
        assert (await link.open()).remote[1] == ports[1]
        link.avoid()
        assert (await link.open()).remote[1] == ports[2]
        link.avoid()
        assert (await link.open()).remote[1] == ports[1], "all are bad: begin anew"
        link.close()


async def test_a_certificate_must_be_good_and_of_the_name(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=certificate)
    async with two_ends(context) as (ours, theirs):
        port = await theirs.listen("tls")
        link = ours.link(Server("tls", "localhost", port, trusting))
        flow = await link.open()
        flow.send(Phone().request("OPTIONS"))
        await theirs.next()
        assert flow.transport == "tls"
        link.close()
        strict = ours.link(Server("tls", "localhost", port, ssl.create_default_context()))
        with pytest.raises(Unreachable, match="its certificate is no good"):
            await strict.open()
        other = ours.link(Server("tls", HOST, port, trusting))
        with pytest.raises(Unreachable, match="its certificate is no good"):
            await other.open()


async def test_why_a_server_is_not_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_ends() as (ours, theirs):
        port = await theirs.listen("tcp")
        plain = ours.link(Server("tls", "localhost", port, ssl.create_default_context()))
        monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.2)
        with pytest.raises(Unreachable, match=r"no TLS|no answer|reset"):
            await plain.open()
        await theirs.listeners.close()
        with pytest.raises(Unreachable, match=rf"{HOST}:{port}: connection refused"):
            await ours.link(Server("tcp", HOST, port)).open()
