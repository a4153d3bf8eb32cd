"""Candidates of real sockets, and calls over them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aioice import Candidate
from aioice.ice import StunProtocol
from structlog.testing import capture_logs

from gateway.core.sdp import SdpError, parse_sdp
from gateway.media.addresses import MediaAddresses
from gateway.media.gathering import GatheringConnection
from gateway.media.ice import IcePath
from gateway.media.leg import LegState
from gateway.media.ports import UdpPorts
from gateway.media.webrtc import WebRtcConfig
from tests.client.tones import tone
from tests.coturn import needs_coturn, running_coturn
from tests.gateway.media.peers import (
    LOOPBACK,
    LOOPBACK_6,
    PATIENCE,
    Caller,
    GatewayEnd,
    needs_ipv6,
)

SECOND = "127.0.0.2"
"""All of 127.0.0.0/8 is loopback."""
RATE = 24_000
FIRST, LAST = 41_310, 41_311
"""As many ports as two calls, or one that restarts ICE, need."""


@contextlib.asynccontextmanager
async def gathered(
    *addresses: str,
    ports: UdpPorts | None = None,
    on_datagram: Callable[[bytes], None] = lambda data: None,
    **options: object,
) -> AsyncIterator[GatheringConnection]:
    connection = GatheringConnection(addresses, on_datagram, ports or UdpPorts(), **options)
    try:
        await connection.gather_candidates()
        yield connection
    finally:
        await connection.close()


async def test_a_candidate_for_each_address_the_first_preferred() -> None:
    async with gathered(SECOND, LOOPBACK, ports=UdpPorts(FIRST, LAST)) as connection:
        candidates = connection.local_candidates
        assert [c.host for c in candidates] == [SECOND, LOOPBACK]
        assert {FIRST, LAST} == {c.port for c in candidates}
        assert candidates[0].priority > candidates[1].priority
        assert len({c.foundation for c in candidates}) == 2


async def test_an_address_that_is_gone_is_passed_over() -> None:
    with capture_logs() as logs:
        async with gathered("192.0.2.77", LOOPBACK) as connection:
            assert [c.host for c in connection.local_candidates] == [LOOPBACK]
            assert not connection.out_of_ports
    assert logs[0]["address"] == "192.0.2.77"


async def test_an_address_without_a_free_port_is_passed_over() -> None:
    ports = UdpPorts(FIRST, FIRST)
    with ports.bind(LOOPBACK):
        async with gathered(LOOPBACK, SECOND, ports=ports) as connection:
            assert [c.host for c in connection.local_candidates] == [SECOND]
            assert connection.out_of_ports


async def test_loopback_asks_no_stun_server() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        silent.setblocking(False)
        started = time.monotonic()
        async with gathered(LOOPBACK, SECOND, stun_server=silent.getsockname()) as connection:
            assert len(connection.local_candidates) == 2
        assert time.monotonic() - started < 1
        with pytest.raises(BlockingIOError):
            silent.recv(1)


async def test_a_server_that_does_not_answer_costs_its_candidate_and_a_deadline() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, capture_logs() as logs:
        silent.bind((LOOPBACK, 0))
        server = {"turn_server": silent.getsockname(), "turn_username": "u", "turn_password": "p"}
        connection = GatheringConnection([LOOPBACK], lambda data: None, UdpPorts(), **server)
        (candidate,) = await connection.get_component_candidates(1, [], timeout=0.1)
        await connection.close()
    assert candidate.type == "host"
    assert "no answer" in logs[0]["reason"]


async def test_a_turn_client_without_a_port_costs_its_candidate() -> None:
    server = {"turn_server": (LOOPBACK, 9), "turn_username": "u", "turn_password": "p"}
    async with gathered(LOOPBACK, ports=UdpPorts(FIRST, FIRST), **server) as connection:
        assert [c.type for c in connection.local_candidates] == ["host"]
        assert connection.out_of_ports


@needs_ipv6
async def test_both_versions_are_gathered() -> None:
    async with gathered(LOOPBACK_6, LOOPBACK, ports=UdpPorts(FIRST, LAST)) as connection:
        assert [c.host for c in connection.local_candidates] == [LOOPBACK_6, LOOPBACK]


async def test_media_is_not_tried_as_stun(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    def to_stun(self: StunProtocol, data: bytes, addr: object) -> None:
        arrived.put_nowait(("stun", data[0]))

    def to_media(data: bytes) -> None:
        arrived.put_nowait(("media", data[0]))

    monkeypatch.setattr(StunProtocol, "datagram_received", to_stun)
    async with gathered(LOOPBACK, on_datagram=to_media) as connection, asyncio.timeout(PATIENCE):
        assert connection._protocols[0].transport.max_size == 65_536
        (local,) = connection.local_candidates
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for first in range(256):
                sender.sendto(bytes([first]), (local.host, local.port))
        for first in range(256):
            # RFC 7983 §7
            assert await arrived.get() == ("media" if 128 <= first <= 191 else "stun", first)


@needs_coturn
async def test_what_a_stun_server_sees_is_a_port_of_the_range() -> None:
    with running_coturn() as coturn:
        server = (LOOPBACK, coturn.port)
        ports = UdpPorts(FIRST, LAST)
        async with gathered(LOOPBACK, ports=ports, stun_server=server) as connection:
            reflexive: Candidate = await connection._reflexive(connection._protocols[0])
            assert (reflexive.type, reflexive.host, reflexive.port) == ("srflx", LOOPBACK, FIRST)


# -- calls


@needs_ipv6
async def test_a_call_over_ipv6() -> None:
    gateway = GatewayEnd(WebRtcConfig(MediaAddresses((LOOPBACK_6,))))
    caller = Caller(address=LOOPBACK_6)
    try:
        answer = await caller.call(gateway)
        assert {c.address for c in parse_sdp(answer).media[0].candidates} == {LOOPBACK_6}
        said = asyncio.create_task(caller.microphone.say(tone(0.4, RATE)))
        await gateway.session.until_loud()
        await said
        asked_at = time.monotonic()
        gateway.say(tone(0.3, RATE).tobytes())
        await caller.hears(asked_at)
    finally:
        await caller.close()
        await gateway.leg.close()


async def test_calls_use_the_range_and_give_it_back() -> None:
    config = WebRtcConfig(MediaAddresses((LOOPBACK,), ports=UdpPorts(FIRST, LAST)))
    gateways = [GatewayEnd(config) for _ in range(4)]
    callers = [Caller() for _ in range(4)]
    try:
        used = set()
        for gateway, caller in zip(gateways[:2], callers[:2], strict=True):
            (candidate,) = parse_sdp(await caller.call(gateway)).media[0].candidates
            used.add(candidate.port)
        assert used == {FIRST, LAST}

        with pytest.raises(SdpError, match="UDP_PORT_RANGE is used up"):
            await gateways[2].leg.answer(await callers[2].offer())
        assert gateways[0].leg.state is gateways[1].leg.state is LegState.CONNECTED

        (port,) = [c.port for c in gateways[0].leg._path.local_candidates]
        await gateways[0].leg.close()
        (candidate,) = parse_sdp(await callers[3].call(gateways[3])).media[0].candidates
        assert candidate.port == port
    finally:
        for caller in callers:
            await caller.close()
        for gateway in gateways:
            await gateway.leg.close()


async def test_a_restart_without_a_free_port_leaves_the_path_as_it_was() -> None:
    ports = UdpPorts(FIRST, FIRST)
    path = IcePath(MediaAddresses((LOOPBACK,), ports=ports), [], lambda data: None)
    arrived = asyncio.Queue[bytes]()
    async with (
        gathered(LOOPBACK, on_datagram=arrived.put_nowait) as peer,
        asyncio.timeout(PATIENCE),
    ):
        peer.ice_controlling = True
        peer.remote_username, peer.remote_password = path.credentials
        await path.gather()
        (target,) = path.local_candidates
        await peer.add_remote_candidate(
            Candidate("1", 1, "udp", target.priority, target.address, target.port, "host")
        )
        await asyncio.gather(peer.connect(), path.connect(peer.local_username, peer.local_password))
        credentials = path.credentials
        with pytest.raises(SdpError, match="UDP_PORT_RANGE"):
            await path.restart()
        assert path.credentials == credentials
        assert path.send(b"still there")
        assert await arrived.get() == b"still there"
        await path.close()
