"""A plain RTP leg and phones on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.core.description import MediaSection
from gateway.core.sdp import SdpError, parse_sdp
from gateway.media.leg import LegState
from gateway.media.sdes_srtp import make_keys
from tests.gateway.media.peers import LOOPBACK, PATIENCE
from tests.gateway.media.phones import GatewayPhoneEnd, Phone

LOUD = 500


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[GatewayPhoneEnd]:
    end = GatewayPhoneEnd()
    yield end
    await end.leg.close()
    assert end.session.states[-1] is LegState.CLOSED


@pytest_asyncio.fixture
async def phone() -> AsyncIterator[Phone]:
    peer = await Phone.ring()
    yield peer
    await peer.close()


async def until(what: object, within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not what():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def call(gateway: GatewayPhoneEnd, phone: Phone) -> MediaSection:
    section = phone.accept(await gateway.leg.answer(phone.offer()))
    await phone.say(0.1)
    await gateway.session.until_state(LegState.CONNECTED)
    return section


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "g722", "opus"])
@pytest.mark.parametrize("secure", [False, True], ids=["clear", "sdes"])
async def test_both_hear_each_other(codec: str, secure: bool) -> None:
    gateway = GatewayPhoneEnd()
    phone = await Phone.ring(codec, make_keys()[1] if secure else None)
    try:
        section = await call(gateway, phone)
        assert section.codecs[0].is_named(codec)
        assert section.port % 2 == 0
        assert section.protocol == ("RTP/SAVP" if secure else "RTP/AVP")
        said = asyncio.create_task(phone.say(0.6))
        gateway.say(0.4)
        await gateway.session.until_loud(0.3)
        await said
        await gateway.session.until(lambda: gateway.session.played == ["item"])
        await until(lambda: len(phone.heard) > 0.4 * 48_000)
        assert gateway.leg.stats().concealed_percent == 0
        assert gateway.session.states == [LegState.CONNECTING, LegState.CONNECTED]
    finally:
        await gateway.leg.close()
        await phone.close()
