"""Names into addresses, with a name server of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from signaling.sip import resolver as module
from signaling.sip.resolver import Hop, Resolver, Unreachable

Zone = Mapping[str, list[str]]
"""SRV records by name; any other name does not exist."""


class NameServer(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone | None) -> None:
        self._zone = zone
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text()
        self.asked.append(name)
        if self._zone is None:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name in self._zone:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "SRV", *self._zone[name]))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._wire.sendto(answer.to_wire(), addr)


@contextlib.asynccontextmanager
async def name_server(zone: Zone | None) -> AsyncIterator[tuple[NameServer, Resolver]]:
    loop = asyncio.get_running_loop()
    wire, server = await loop.create_datagram_endpoint(
        lambda: NameServer(zone), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, Resolver([wire.get_extra_info("sockname")])
    finally:
        wire.close()


async def test_services_go_by_priority() -> None:
    zone = {
        "_sip._tcp.acme.test.": [
            "20 0 5080 127.0.0.3.",
            "10 0 5070 127.0.0.2.",
            "30 0 5090 nowhere.invalid.",
        ]
    }
    async with name_server(zone) as (_, resolver):
        assert await resolver.resolve("tcp", "acme.test", None) == [
            Hop("tcp", "127.0.0.2", 5070, "acme.test"),
            Hop("tcp", "127.0.0.3", 5080, "acme.test"),
        ]


async def test_services_of_one_priority_share_the_work() -> None:
    zone = {"_sip._udp.acme.test.": ["10 90 5060 127.0.0.2.", "10 10 5060 127.0.0.3."]}
    async with name_server(zone) as (_, resolver):
        first = Counter(
            [(await resolver.resolve("udp", "acme.test", None))[0].address for _ in range(60)]
        )
    assert first["127.0.0.2"] > first["127.0.0.3"]


async def test_without_services_the_host_itself_is_it() -> None:
    async with name_server({}) as (server, resolver):
        (first, *_) = await resolver.resolve("tls", "localhost", None)
        assert (first.port, first.name) == (5061, "localhost")
        assert first.address in ("127.0.0.1", "::1")
        assert server.asked == ["_sips._tcp.localhost."]


async def test_an_address_and_a_port_need_no_services() -> None:
    async with name_server({}) as (server, resolver):
        assert await resolver.resolve("udp", "192.0.2.1", None) == [
            Hop("udp", "192.0.2.1", 5060, "192.0.2.1")
        ]
        (hop, *_) = await resolver.resolve("tcp", "localhost", 5080)
        assert hop.port == 5080
        assert server.asked == []


async def test_what_leads_nowhere_is_told() -> None:
    zone = {"_sip._udp.closed.test.": ["0 0 0 ."]}
    async with name_server(zone) as (_, resolver):
        with pytest.raises(Unreachable, match=r"closed\.test has no service by udp"):
            await resolver.resolve("udp", "closed.test", None)
        for name in ("no-such-host.invalid", "a" * 70, "ü..invalid"):
            with pytest.raises(Unreachable, match="is not known"):
                await resolver.resolve("udp", name, None)


async def test_a_name_server_that_is_silent_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.3)
    async with name_server(None) as (server, resolver), asyncio.timeout(5):
        (hop, *_) = await resolver.resolve("tcp", "localhost", None)
        assert hop.port == 5060
        assert server.asked
