"""A leg that offers, and a real peer on loopback that answers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiortc import RTCSessionDescription

from gateway.core.playout import Playout
from gateway.core.sdp import SdpError, parse_sdp
from gateway.media.addresses import MediaAddresses
from gateway.media.leg import LegState
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg
from tests.client.tones import tone
from tests.gateway.media.peers import Caller, GatewayEnd, Recorder

RATE = 24_000


class Callee(Caller):
    """A peer that is called."""

    async def answer(self, offer: str) -> str:
        await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self.connection.localDescription.sdp

    async def be_called(self, gateway: GatewayEnd) -> str:
        """Be offered to, answer, connect. Returns the offer."""
        offer = await gateway.leg.offer()
        await gateway.leg.accept_answer(await self.answer(offer))
        await gateway.session.until_state(LegState.CONNECTED)
        await self.until(lambda: self.state == "connected")
        return offer


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[GatewayEnd]:
    end = GatewayEnd()
    yield end
    await end.leg.close()


@pytest_asyncio.fixture
async def callee() -> AsyncIterator[Callee]:
    peer = Callee()
    yield peer
    await peer.close()


async def both_are_heard(gateway: GatewayEnd, peer: Caller) -> None:
    said = asyncio.create_task(peer.microphone.say(tone(0.6, RATE)))
    gateway.say(tone(0.3, RATE).tobytes(), secrets.token_hex(4))
    await peer.hears()
    await gateway.session.until_loud()
    await said


@pytest.mark.parametrize("setup", ["active", "passive"])
async def test_either_end_may_begin_the_handshake(gateway: GatewayEnd, setup: str) -> None:
    callee = Callee()
    offer = await gateway.leg.offer()
    assert gateway.leg.state is LegState.NEW, "it may ring for long"
    # Whoever is told that we are active is passive itself.
    other = {"active": "passive", "passive": "active"}[setup]
    answer = await callee.answer(offer.replace("a=setup:actpass", f"a=setup:{other}"))
    assert f"a=setup:{setup}" in answer
    await gateway.leg.accept_answer(answer)
    await gateway.session.until_state(LegState.CONNECTED)
    await both_are_heard(gateway, callee)
    checks = gateway.leg._path._open
    assert checks is not None
    assert checks.ice_controlling
    await callee.close()


async def test_an_offer_within_the_call_changes_nothing_that_runs(
    gateway: GatewayEnd, callee: Callee
) -> None:
    first = await callee.be_called(gateway)
    dtls, path = gateway.leg._dtls, gateway.leg._path._open
    again = await gateway.leg.offer()
    before, after = parse_sdp(first), parse_sdp(again)
    assert (after.session_id, after.version) == (before.session_id, before.version + 1)
    assert (after.media[0].ice_ufrag, after.media[0].fingerprints) == (
        before.media[0].ice_ufrag,
        before.media[0].fingerprints,
    )
    await gateway.leg.accept_answer(await callee.answer(again))
    assert await gateway.leg.offer() == again
    assert (gateway.leg._dtls, gateway.leg._path._open) == (dtls, path)
    await both_are_heard(gateway, callee)
    assert gateway.session.states == [LegState.CONNECTING, LegState.CONNECTED]


async def test_both_ends_may_offer_in_turn(gateway: GatewayEnd) -> None:
    caller = Callee()
    await caller.call(gateway)
    await gateway.leg.accept_answer(await caller.answer(await gateway.leg.offer()))
    await both_are_heard(gateway, caller)
    await caller.renegotiate(gateway)
    await gateway.leg.accept_answer(await caller.answer(await gateway.leg.offer()))
    await both_are_heard(gateway, caller)
    await caller.close()


async def test_the_answer_may_hold(gateway: GatewayEnd, callee: Callee) -> None:
    await callee.be_called(gateway)
    answer = await callee.answer(await gateway.leg.offer())
    await gateway.leg.accept_answer(answer.replace("a=sendrecv", "a=inactive"))
    sent = gateway.leg.stats().packets_sent
    gateway.say(tone(0.3, RATE).tobytes())
    await callee.microphone.say(tone(0.2, RATE))
    assert gateway.leg.stats().packets_sent == sent, "the agent waits"
    await gateway.leg.offer()
    await gateway.leg.accept_answer(answer)
    await gateway.session.until(lambda: gateway.session.played == ["item"])


async def test_a_bad_answer_changes_nothing(gateway: GatewayEnd, callee: Callee) -> None:
    with pytest.raises(SdpError, match="no offer"):
        await gateway.leg.accept_answer("v=0\r\nm=audio 9 RTP/AVP 0\r\n")
    offer = await gateway.leg.offer()
    answer = await callee.answer(offer)
    bad = answer.replace("a=fingerprint", "a=print")
    with pytest.raises(SdpError, match="no a=fingerprint"):
        await gateway.leg.accept_answer(bad)
    assert gateway.leg.state is LegState.NEW
    await gateway.leg.accept_answer(answer)
    await gateway.session.until_state(LegState.CONNECTED)
    with pytest.raises(SdpError, match="no a=fingerprint"):
        await gateway.leg.accept_answer(bad)
    await both_are_heard(gateway, callee)


async def test_without_an_address_there_is_no_offer() -> None:
    leg = WebRtcLeg(WebRtcConfig(MediaAddresses(("192.0.2.123",))), Recorder(), Playout())
    with pytest.raises(SdpError, match="no address"):
        await leg.offer()
    await leg.close()


async def test_nothing_is_left_of_an_offer_that_nobody_answers(gateway: GatewayEnd) -> None:
    offering = asyncio.create_task(gateway.leg.offer())
    await asyncio.sleep(0)
    await gateway.leg.close()
    with pytest.raises(SdpError, match="ended"):
        await offering
    with pytest.raises(SdpError, match="ended"):
        await gateway.leg.offer()
    assert gateway.session.states == [LegState.CLOSED]
