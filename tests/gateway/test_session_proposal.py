"""Phones that ring: what a session hears of them before and after they are answered."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.audio_agreement import AudioAgreement
from gateway.core.description import Codec
from gateway.core.events import ErrorCode, GatewayError
from gateway.core.playout import Playout
from gateway.media.addresses import MediaAddresses
from gateway.media.leg import LegState
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg
from gateway.session_legs import SessionLegs
from gateway.session_offer import Phone as Called
from gateway.session_proposal import Proposal
from tests.gateway.media.peers import LOOPBACK, Recorder
from tests.gateway.media.phones import Phone


class Session:
    """A session's legs, and what they tell it."""

    def __init__(self) -> None:
        self.told = Recorder()
        self.ended = False
        self.legs = SessionLegs(
            WebRtcConfig(MediaAddresses((LOOPBACK,))),
            self.told,
            Playout(),
            lambda: self.ended,
            24_000,
            lambda _: None,
        )

    async def call(self, phone: Phone) -> Proposal:
        """Offer, and let the phone be ready for PCMU."""
        proposal = self.legs.propose(Called(LOOPBACK))
        phone.accept(await proposal.offer())
        phone.stream.agree(AudioAgreement(None, Codec("PCMU", 0, 8_000), 0, True, True))
        return proposal


async def test_what_is_heard_while_it_rings_is_nobodys_business() -> None:
    """Ringback opens the path; the session hears of it with the answer, at once."""
    session, phone = Session(), await Phone.ring()
    proposal = await session.call(phone)
    await proposal.ring(phone.offer())
    await phone.say(0.1)
    async with asyncio.timeout(5.0):
        while proposal.leg.state is not LegState.CONNECTED:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert session.told.states == []
    assert not session.told.pcm
    await session.legs.adopt(proposal, phone.offer())
    assert session.told.states == [LegState.CONNECTED]
    said = asyncio.create_task(phone.say(0.3))
    await session.told.until_loud(0.2)
    await said
    await proposal.close()
    assert proposal.leg.state is LegState.CONNECTED, "it is the session's"
    await session.legs.close()
    assert session.told.states[-1] is LegState.CLOSED
    await phone.close()


async def test_who_does_not_answer_leaves_nothing() -> None:
    session, phone = Session(), await Phone.ring()
    first, second = await session.call(phone), await session.call(phone)
    await first.ring("nonsense")
    await first.ring(phone.offer())
    await first.close()
    assert session.told.states == []
    with pytest.raises(GatewayError) as caught:
        await session.legs.adopt(second, phone.offer(port=0))
    assert caught.value.code is ErrorCode.NEGOTIATION_FAILED
    assert session.legs.offered is None
    session.ended = True
    with pytest.raises(GatewayError) as caught:
        await session.legs.adopt(second, phone.offer())
    assert caught.value.code is ErrorCode.NO_SESSION
    await second.close()
    await session.legs.close()
    await phone.close()


async def test_a_browser_is_offered_webrtc() -> None:
    session = Session()
    proposal = session.legs.propose(Called(LOOPBACK, browser=True))
    assert isinstance(proposal.leg, WebRtcLeg)
    assert "a=fingerprint" in await proposal.offer()
    await proposal.ring("v=0")
    await proposal.close()
