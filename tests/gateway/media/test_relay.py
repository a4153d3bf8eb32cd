"""Calls through a real TURN server, and the transport that does it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest
from aioice.ice import StunProtocol
from aiortc import RTCIceServer
from structlog.testing import capture_logs

from gateway.core.sdp import SdpError, parse_sdp
from gateway.media import relay as relay_module
from gateway.media.addresses import MediaAddresses
from gateway.media.ports import UdpPorts
from gateway.media.relay import CLOSE_TIMEOUT, MAX_PENDING, Relay, TurnServer
from gateway.media.webrtc import WebRtcConfig
from tests.client.tones import tone
from tests.coturn import LOOPBACK, Coturn, needs_coturn, running_coturn
from tests.gateway.media.peers import LOOPBACK_6, PATIENCE, Caller, GatewayEnd, needs_ipv6

RATE = 24_000
PORTS = (41_200, 41_209)
UDP_AND_TCP = pytest.mark.parametrize("transport", ["udp", "tcp"])

pytestmark = needs_coturn


@pytest.fixture(scope="module")
def coturn() -> Iterator[Coturn]:
    with running_coturn() as server:
        yield server


@contextlib.asynccontextmanager
async def ends(gateway: GatewayEnd, caller: Caller) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await caller.close()
        await gateway.leg.close()


async def assert_both_are_heard(gateway: GatewayEnd, caller: Caller) -> None:
    said = asyncio.create_task(caller.microphone.say(tone(0.6, RATE)))
    await gateway.session.until_loud(0.4)
    await said
    asked_at = time.monotonic()
    gateway.say(tone(0.4, RATE).tobytes())
    await caller.hears(asked_at)
    await gateway.session.until(lambda: "item" in gateway.session.played)
    await caller.speaker.wait_quiet(0.2, 5.0, since=asked_at)
    loud = sum(f.seconds for f in caller.speaker.frames if caller.speaker.is_loud(f))
    assert loud == pytest.approx(0.4, abs=0.05)


@UDP_AND_TCP
async def test_a_gateway_that_only_its_relay_can_reach(coturn: Coturn, transport: str) -> None:
    ports = UdpPorts(*PORTS)
    servers = coturn.servers(transport)
    config = WebRtcConfig(MediaAddresses((), ports=ports), lambda: servers.for_user("gateway"))
    gateway, caller = GatewayEnd(config), Caller()
    async with ends(gateway, caller):
        answer = await caller.call(gateway)
        assert answer.count("a=candidate:") == 1
        assert " typ relay " in answer
        assert gateway.leg._path._open.route == ("relay", "host")
        (candidate,) = parse_sdp(answer).media[0].candidates
        assert (candidate.related_port in range(PORTS[0], PORTS[1] + 1)) is (transport == "udp")
        await assert_both_are_heard(gateway, caller)


@UDP_AND_TCP
async def test_a_caller_that_only_its_relay_can_reach(coturn: Coturn, transport: str) -> None:
    (server,) = coturn.servers(transport).for_user("sess_1")
    gateway, caller = GatewayEnd(), Caller(turn=RTCIceServer(**server))
    async with ends(gateway, caller):
        await caller.call(gateway)
        assert gateway.leg._path._open.route[0] == "host"
        await assert_both_are_heard(gateway, caller)


async def test_a_server_that_refuses_is_told_of_without_the_credential(coturn: Coturn) -> None:
    servers = coturn.servers("udp", secret="another-secret").for_user("gateway")
    gateway = GatewayEnd(WebRtcConfig(MediaAddresses(()), lambda: servers))
    caller = Caller()
    async with ends(gateway, caller):
        with capture_logs() as logs, pytest.raises(SdpError, match="no address"):
            await gateway.leg.answer(await caller.offer())
    (told,) = [entry for entry in logs if "ICE_SERVERS" in entry["event"]]
    assert "401" in told["reason"]
    assert servers[0]["credential"] not in str(logs)


# -- the transport


class Peer(asyncio.DatagramProtocol):
    """Somebody on loopback who sends everything back."""

    async def __aenter__(self) -> Peer:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(LOOPBACK, 0)
        )
        self.address = self.transport.get_extra_info("sockname")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


class Inbox(asyncio.DatagramProtocol):
    """What comes over a relay."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.put_nowait(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set()


async def allocate(coturn: Coturn, transport: str, host: str = LOOPBACK) -> tuple[Relay, Inbox]:
    (entry,) = coturn.servers(transport).for_user("gateway")
    server = TurnServer(host, coturn.port, entry["username"], entry["credential"], transport)
    inbox = Inbox()
    return await Relay.allocate(server, UdpPorts(), cast(StunProtocol, inbox)), inbox


async def close(relay: Relay, inbox: Inbox) -> float:
    """Seconds that it took."""
    started = time.monotonic()
    relay.close()
    async with asyncio.timeout(PATIENCE):
        await inbox.lost.wait()
    return time.monotonic() - started


@needs_ipv6
@UDP_AND_TCP
async def test_a_server_is_reached_over_ipv6(transport: str) -> None:
    with running_coturn(f"--listening-ip={LOOPBACK_6}") as coturn:
        relay, inbox = await allocate(coturn, transport, LOOPBACK_6)
        async with Peer() as peer:
            relay.sendto(b"hello", peer.address)
            async with asyncio.timeout(PATIENCE):
                assert await inbox.received.get() == b"hello"
        await close(relay, inbox)


async def test_allocation_and_channel_are_renewed_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lifetimes of two seconds instead of minutes; each would end the echo."""
    monkeypatch.setattr(relay_module, "CHANNEL_REFRESH", 1)
    lifetimes = [f"--{name}-lifetime=2" for name in ("max-allocate", "channel", "permission")]
    with running_coturn(*lifetimes) as coturn:
        relay, inbox = await allocate(coturn, "udp")
        async with Peer() as peer:
            for number in range(45):
                sent = b"%d" % number
                relay.sendto(sent, peer.address)
                async with asyncio.timeout(1):
                    assert await inbox.received.get() == sent
                await asyncio.sleep(0.1)  # the pace of the sender
        await close(relay, inbox)


@UDP_AND_TCP
async def test_a_server_that_is_gone_holds_nothing_up(transport: str) -> None:
    with running_coturn() as coturn:
        relay, inbox = await allocate(coturn, transport)
        coturn.freeze()
        for _ in range(1000):
            relay.sendto(bytes(1000), (LOOPBACK, 9))
        assert len(relay._sends) == MAX_PENDING
        assert await close(relay, inbox) < CLOSE_TIMEOUT + 0.5
        relay.sendto(b"too late", (LOOPBACK, 9))
        assert relay._sends == set()


async def test_a_connection_that_takes_no_more_is_seen_and_cut() -> None:
    with running_coturn() as coturn:
        relay, inbox = await allocate(coturn, "tcp")
        async with Peer() as peer:
            relay.sendto(b"bound", peer.address)
            async with asyncio.timeout(PATIENCE):
                assert await inbox.received.get() == b"bound"
            coturn.freeze()
            async with asyncio.timeout(PATIENCE):
                while not relay.get_write_buffer_size():
                    relay.sendto(bytes(1000), peer.address)
                    await asyncio.sleep(0)
        assert await close(relay, inbox) < CLOSE_TIMEOUT + 0.5
