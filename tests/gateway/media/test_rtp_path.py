"""Whose datagrams pass, and where answers go; the whole way is in test_rtp_leg.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio

from gateway.core.plain_agreement import PlainAgreement, agree_plain
from gateway.core.plain_negotiation import PlainLocal
from gateway.core.rtcp import RtcpSession
from gateway.core.rtp import RtpPacket
from gateway.core.sdp import parse_sdp
from gateway.media.addresses import MediaAddresses
from gateway.media.rtp_path import RtpPath
from gateway.media.sdes_srtp import SrtpOut, make_keys
from tests.gateway.media.peers import LOOPBACK, PATIENCE
from tests.gateway.media.phones import Phone, Wire

KEYS = make_keys()


def packet(sequence: int = 1, payload_type: int = 0) -> bytes:
    return RtpPacket(payload_type, False, sequence, 0, 5, b"\xff" * 160).serialize()


def report() -> bytes:
    return RtcpSession(5, "phone", 8_000, wall_clock_offset=0).bye()


@dataclass
class Ends:
    phone: Phone
    path: RtpPath = field(init=False)
    packets: list[RtpPacket] = field(default_factory=list)
    reports: list[bytes] = field(default_factory=list)
    rejected: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def on_packet(self, packet: RtpPacket) -> None:
        self.packets.append(packet)
        self.came.set()

    def on_report(self, data: bytes) -> None:
        self.reports.append(data)
        self.came.set()

    def on_rejected(self) -> None:
        self.rejected += 1
        self.came.set()

    def agree(self, more: str = "", **changes: object) -> PlainAgreement:
        agreement = agree_plain(parse_sdp(self.phone.offer(more=more, **changes)), ("pcmu",))
        self.path.take_up(agreement, PlainLocal(1, 1, LOOPBACK, self.path.port, KEYS))
        return agreement

    async def send(self, data: bytes, wire: Wire | None = None, *, rtcp: bool = False) -> None:
        """Send a datagram to the path, and wait until it has come through or was rejected."""
        self.came.clear()
        (wire or self.phone.rtp).transport.sendto(data, (LOOPBACK, self.path.port + rtcp))
        await asyncio.wait_for(self.came.wait(), PATIENCE)


@pytest_asyncio.fixture
async def ends() -> AsyncIterator[Ends]:
    made = Ends(await Phone.ring())
    made.path = RtpPath(
        MediaAddresses((LOOPBACK,)),
        made.on_packet,
        made.on_report,
        made.on_rejected,
        peer=None,
        trusted=False,
    )
    await made.path.open(None)
    yield made
    await made.path.close()
    await made.phone.close()


async def test_packets_of_types_that_were_not_agreed_on_open_nothing(ends: Ends) -> None:
    ends.agree()
    await ends.send(packet(payload_type=13))
    assert (ends.path.target, ends.rejected) == (None, 1)
    await ends.send(packet())
    assert ends.path.target == (LOOPBACK, ends.phone.rtp.port)
    await ends.send(packet(2, payload_type=13))
    assert len(ends.packets) == 2, "comfort noise takes a sequence number"


async def test_clear_packets_into_an_encrypted_call_open_nothing(ends: Ends) -> None:
    ends.phone.key = KEYS[1]
    ends.agree()
    stranger = await Wire.open()
    try:
        await ends.send(packet(), stranger)
        await ends.send(report(), stranger, rtcp=True)
        assert (ends.path.target, ends.rejected) == (None, 2)
        out = SrtpOut(KEYS[1])
        protected = out.protect(packet())
        await ends.send(protected)
        await ends.send(protected, stranger)
        assert ends.path.target == (LOOPBACK, ends.phone.rtp.port), "a replay moves nothing"
        await ends.send(out.protect(packet(2)), stranger)
        assert ends.path.target == (LOOPBACK, stranger.port), "whoever has the key is the phone"
    finally:
        await stranger.close()


async def test_rtcp_goes_to_the_next_port_or_where_it_came_from(ends: Ends) -> None:
    ends.agree()
    await ends.send(packet())
    ends.path.send_rtcp(report())
    await ends.phone.rtcp.until(1)
    assert ends.phone.rtcp.datagrams[0][1] == (LOOPBACK, ends.path.port + 1)
    other = await Wire.open()
    try:
        await ends.send(report(), other, rtcp=True)
        ends.path.send_rtcp(report())
        await other.until(1)
    finally:
        await other.close()


async def test_rtcp_on_the_port_of_rtp(ends: Ends) -> None:
    ends.agree("a=rtcp-mux\r\n")
    await ends.send(packet())
    await ends.send(report())
    assert len(ends.reports) == 1
    ends.path.send_rtcp(report())
    await ends.phone.rtp.until(1)
    assert ends.phone.rtp.datagrams[0][1] == (LOOPBACK, ends.path.port)


async def test_behind_a_nat_rtcp_waits_for_rtcp(ends: Ends) -> None:
    ends.agree(address="127.0.0.77")
    await ends.send(packet())
    assert ends.path.target == (LOOPBACK, ends.phone.rtp.port)
    ends.path.send_rtcp(report())
    ends.path.send_rtp(packet())
    await ends.phone.rtp.until(1)
    assert not ends.phone.rtcp.datagrams


async def test_rtcp_of_its_own_vouches_for_an_address(ends: Ends) -> None:
    ends.agree()
    stranger = await Wire.open("127.0.0.2")
    try:
        await ends.send(report(), stranger, rtcp=True)
        assert (ends.path.target, ends.reports) == (None, [])
        await ends.send(report(), ends.phone.rtcp, rtcp=True)
        assert ends.path.target == (LOOPBACK, ends.phone.rtp.port)
    finally:
        await stranger.close()


async def test_a_path_is_not_its_own_end(ends: Ends) -> None:
    for port in (ends.path.port, ends.path.port + 1):
        ends.agree(port=port)
        with ends.path.probing():
            ends.path.send_rtp(packet())
    await ends.send(packet())
    assert ends.path.target == (LOOPBACK, ends.phone.rtp.port)
    assert len(ends.packets) == 1


async def test_only_another_key_changes_the_key(ends: Ends) -> None:
    ends.phone.key = KEYS[0]
    agreement = ends.agree()
    assert not ends.path.changes_key(agreement)
    protected = SrtpOut(KEYS[0]).protect(packet())
    await ends.send(protected)
    ends.agree()
    await ends.send(protected)
    assert (len(ends.packets), ends.rejected) == (1, 1), "the same key, and the same replay"
    ends.phone.key = make_keys()[0]
    offer = parse_sdp(ends.phone.offer())
    assert ends.path.changes_key(agree_plain(offer, ("pcmu",)))
