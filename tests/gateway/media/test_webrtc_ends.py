"""How a leg ends: by either side, in any phase, in good order or not. The leak check of every test
says whether it left anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiortc.rtp import RtcpByePacket
from structlog.testing import capture_logs

from gateway.core.candidate import IceCandidate
from gateway.core.sdp import SdpError
from gateway.media import ice, liveness, webrtc
from gateway.media.leg import Leg, LegState
from tests.client.tones import tone
from tests.gateway.media.peers import PATIENCE, Caller, GatewayEnd, Recorder, loopback_config

RATE = 24_000
LEGS_AT_ONCE = 20


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[GatewayEnd]:
    end = GatewayEnd()
    yield end
    await end.leg.close()


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    peer = Caller(label="oai-events")
    yield peer
    await peer.close()


async def released(gateway: GatewayEnd) -> None:
    """Until the leg has released everything, without being told to."""
    assert gateway.leg._releasing is not None
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([gateway.leg._releasing])
    assert gateway.leg._path._agents == set()
    assert gateway.leg._rtp._rtcp_timer is None
    assert gateway.leg._rtp._window_timer is None


# -- the caller's doing


async def test_a_caller_that_hangs_up_closes_the_leg(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    await caller.close()
    await gateway.session.until_state(LegState.CLOSED)
    await released(gateway)
    assert LegState.FAILED not in gateway.session.states


async def test_a_caller_that_vanishes_fails_the_leg(
    gateway: GatewayEnd, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "LISTENING_TURN", 0.03)
    await caller.call(gateway)
    gateway.say(tone(60.0, RATE).tobytes())
    caller.vanish()
    await gateway.session.until_state(LegState.FAILED)
    sent = gateway.leg.stats().packets_sent
    await released(gateway)
    gateway.leg.wake()
    assert gateway.leg.stats().packets_sent == sent, "nothing is sent to nobody"
    await gateway.leg.close()
    assert gateway.session.states[-3:] == [
        *(LegState.DISCONNECTED, LegState.FAILED, LegState.CLOSED),
    ]


async def test_a_caller_that_never_comes_fails_the_leg(
    gateway: GatewayEnd, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ice, "CONNECT_TIMEOUT", 0.1)
    await gateway.leg.answer(await caller.offer())
    await gateway.session.until_state(LegState.FAILED)
    await released(gateway)
    assert gateway.session.states == [LegState.CONNECTING, LegState.FAILED]


async def test_a_handshake_that_does_not_end_fails_the_leg(
    gateway: GatewayEnd, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "DTLS_TIMEOUT", 0.1)
    monkeypatch.setattr(gateway.leg._carrier, "deliver", lambda data: None)
    await caller.accept(await gateway.leg.answer(await caller.offer()))
    await gateway.session.until_state(LegState.FAILED)
    await released(gateway)


async def test_another_certificate_than_was_announced_fails_the_leg(
    gateway: GatewayEnd, caller: Caller
) -> None:
    offer = await caller.offer()
    impostor = Caller()
    announced = [line for line in (await impostor.offer()).splitlines() if "fingerprint" in line]
    await impostor.close()
    lines = [line for line in offer.splitlines() if "fingerprint" not in line]
    at = lines.index("a=setup:actpass")
    forged = "\r\n".join([*lines[:at], *announced[:3], *lines[at:], ""])
    await caller.accept(await gateway.leg.answer(forged))
    await gateway.session.until_state(LegState.FAILED)
    assert gateway.session.pcm == b""
    await released(gateway)


# -- ours, in each phase


async def test_closing_before_any_offer(gateway: GatewayEnd) -> None:
    await gateway.leg.close()
    assert gateway.session.states == [LegState.CLOSED]
    assert gateway.leg.state is LegState.CLOSED


async def test_closing_while_gathering(gateway: GatewayEnd, caller: Caller) -> None:
    offer = await caller.offer()
    answering = asyncio.create_task(gateway.leg.answer(offer))
    await asyncio.sleep(0)
    await gateway.leg.close()
    with pytest.raises(SdpError, match="has ended"):
        await answering
    assert gateway.session.states == [LegState.CLOSED]


async def test_an_answer_that_nobody_waits_for(gateway: GatewayEnd, caller: Caller) -> None:
    offer = await caller.offer()
    answering = asyncio.create_task(gateway.leg.answer(offer))
    await asyncio.sleep(0)
    answering.cancel()
    await asyncio.wait([answering])
    await caller.accept(await gateway.leg.answer(offer))
    await gateway.session.until_state(LegState.CONNECTED)


async def test_closing_before_the_checks_begin(gateway: GatewayEnd, caller: Caller) -> None:
    await gateway.leg.answer(await caller.offer())
    await gateway.leg.close()
    assert gateway.session.states[-1] is LegState.CLOSED


async def test_closing_while_nobody_answers_the_checks(gateway: GatewayEnd, caller: Caller) -> None:
    await gateway.leg.answer(await caller.offer())
    await gateway.session.until_state(LegState.CONNECTING)
    await gateway.leg.close()
    assert gateway.session.states == [LegState.CONNECTING, LegState.CLOSED]


async def test_closing_in_the_middle_of_the_handshake(
    gateway: GatewayEnd, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.leg._carrier, "deliver", lambda data: None)
    await caller.accept(await gateway.leg.answer(await caller.offer()))
    shaking = asyncio.Event()
    assert gateway.leg._dtls is not None
    gateway.leg._dtls.on("statechange", shaking.set)
    async with asyncio.timeout(PATIENCE):
        await shaking.wait()
    await gateway.leg.close()
    assert gateway.session.states == [LegState.CONNECTING, LegState.CLOSED]


async def test_closing_in_the_middle_of_a_sentence(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    gateway.say(tone(5.0, RATE).tobytes())
    said = asyncio.create_task(caller.microphone.say(tone(0.6, RATE)))
    await gateway.session.until_loud()
    closing = asyncio.create_task(gateway.leg.close())
    await gateway.session.until_state(LegState.CLOSED)
    told = (len(gateway.session.pcm), gateway.playout.owed_samples)
    await closing
    await released(gateway)
    await caller.until(lambda: caller.state == "closed")
    assert any(isinstance(report, RtcpByePacket) for report in caller.reports)
    assert (len(gateway.session.pcm), gateway.playout.owed_samples) == told
    assert gateway.session.states[-1] is LegState.CLOSED
    await asyncio.gather(said, return_exceptions=True)


async def test_closing_twice_at_once(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    await asyncio.gather(gateway.leg.close(), gateway.leg.close())
    await gateway.leg.close()
    assert gateway.session.states.count(LegState.CLOSED) == 1


async def test_a_close_that_is_cancelled_goes_on(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    closing = asyncio.create_task(gateway.leg.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    await released(gateway)


async def test_a_session_may_close_the_leg_when_it_hears_of_its_end(caller: Caller) -> None:
    closings: list[asyncio.Task[None]] = []

    class Hasty(Recorder):
        def on_leg_state(self, leg: Leg, state: LegState) -> None:
            super().on_leg_state(leg, state)
            closings.append(asyncio.create_task(leg.close()))

    gateway = GatewayEnd(session=Hasty())
    await gateway.leg.answer(await caller.offer())
    await gateway.session.until_state(LegState.CLOSED)
    await asyncio.gather(*closings)
    assert gateway.session.states == [LegState.CONNECTING, LegState.CLOSED]


# -- afterwards


async def test_a_leg_that_has_ended_takes_nothing_more(gateway: GatewayEnd, caller: Caller) -> None:
    offer = await caller.offer()
    await caller.call(gateway)
    await gateway.leg.close()
    told = list(gateway.session.states)
    assert not gateway.leg.accepts(offer)
    with pytest.raises(SdpError, match="has ended"):
        await gateway.leg.answer(offer)
    candidate = IceCandidate.parse("candidate:1 1 udp 1 127.0.0.1 5004 typ host")
    await gateway.leg.add_candidate(candidate)
    await gateway.leg.add_candidate(None)
    gateway.say(tone(0.1, RATE).tobytes())
    gateway.leg.send_data("too late")
    assert not gateway.leg.data_open
    assert gateway.leg.stats().packets_sent == 0
    assert gateway.session.states == told


async def test_an_error_in_a_leg_is_logged_and_ends_it(caller: Caller) -> None:
    class Faulty(Recorder):
        def on_leg_state(self, leg: Leg, state: LegState) -> None:
            super().on_leg_state(leg, state)
            if state is LegState.CONNECTED:
                raise LookupError("a session's mistake")

    gateway = GatewayEnd(session=Faulty())
    with capture_logs() as logs:
        await caller.accept(await gateway.leg.answer(await caller.offer()))
        await gateway.session.until_state(LegState.FAILED)
        await released(gateway)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["leg failed"]


async def test_a_leg_that_cannot_be_made_opens_nothing() -> None:
    config = webrtc.WebRtcConfig(loopback_config().addresses, lambda: [{"urls": "nonsense"}])
    with pytest.raises(ValueError, match="URL"):
        GatewayEnd(config)


# -- many


async def test_many_legs_at_once() -> None:
    config = loopback_config()
    gateways = [GatewayEnd(config) for _ in range(LEGS_AT_ONCE)]
    callers = [Caller() for _ in range(LEGS_AT_ONCE)]

    async def call(gateway: GatewayEnd, caller: Caller) -> None:
        await caller.call(gateway)
        said = asyncio.create_task(caller.microphone.say(tone(0.5, RATE)))
        await gateway.session.until_loud()
        gateway.say(tone(0.1, RATE).tobytes())
        await gateway.session.until(lambda: gateway.session.played == ["item"])
        await said
        await caller.close()
        await gateway.session.until_state(LegState.CLOSED)
        await gateway.leg.close()

    async with asyncio.timeout(3 * PATIENCE):
        await asyncio.gather(*map(call, gateways, callers))
    states = [LegState.CONNECTING, LegState.CONNECTED, LegState.CLOSED]
    assert all(gateway.session.states == states for gateway in gateways)
