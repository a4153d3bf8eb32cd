"""A leg that listens for its peer: real ones on loopback that fall silent, answer, and come back.

Turns are shortened where the test is not about seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.core import liveness as watching
from gateway.core.liveness import GONE_AFTER
from gateway.core.media_time import FRAME_SAMPLES
from gateway.media import liveness
from gateway.media.leg import LegState
from tests.client.tones import tone
from tests.gateway.media.peers import PATIENCE, Caller, GatewayEnd

RATE = 24_000
IN_CALL = [LegState.CONNECTING, LegState.CONNECTED]


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[GatewayEnd]:
    end = GatewayEnd()
    yield end
    await end.leg.close()


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    peer = Caller()
    yield peer
    await peer.close()


@pytest.fixture
def quick_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "LISTENING_TURN", 0.05)


async def hold_out(gateway: GatewayEnd, count: int) -> None:
    """Until the peer has given ``count`` more signs of life by checks alone."""
    agent = gateway.leg._path._open
    assert agent is not None
    enough = agent.heard + count
    async with asyncio.timeout(3 * PATIENCE):
        while agent.heard < enough:  # noqa: ASYNC110 (no event announces it)
            await asyncio.sleep(0.01)


async def test_a_vanished_peer_is_noticed_within_six_seconds(
    gateway: GatewayEnd, caller: Caller
) -> None:
    await caller.call(gateway)
    gateway.say(tone(60.0, RATE).tobytes())
    await caller.hears()
    await gateway.session.until(lambda: gateway.session.seconds > 0)
    caller.vanish()
    began = time.monotonic()
    await gateway.session.until_state(LegState.DISCONNECTED)
    assert 4.5 < time.monotonic() - began < 6.0

    sent, owed = gateway.leg.stats().packets_sent, gateway.playout.owed_samples
    assert owed == pytest.approx((60.0 - sent * 0.02) * RATE, abs=FRAME_SAMPLES)
    gateway.leg.wake()
    await asyncio.sleep(0.1)
    stats = gateway.leg.stats()
    assert (stats.packets_sent, gateway.playout.owed_samples) == (sent, owed), "the answer waits"
    assert {stats.rtt_ms, stats.jitter_ms, stats.loss_percent} == {None}
    assert stats.packets_received > 0


@pytest.mark.usefixtures("quick_turns")
async def test_a_peer_that_only_answers_checks_stays(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    caller.pass_only(is_stun_response)
    await hold_out(gateway, 2 * GONE_AFTER // watching.ASK_AFTER)
    assert gateway.session.states == IN_CALL


@pytest.mark.usefixtures("quick_turns")
async def test_a_peer_that_comes_back_hears_the_rest_of_the_answer(
    gateway: GatewayEnd, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await caller.call(gateway)
    gateway.say(tone(3.0, RATE).tobytes())
    await caller.hears()
    caller.pass_only(lambda datagram: False)
    await gateway.session.until_state(LegState.DISCONNECTED)
    sent = gateway.leg.stats().packets_sent
    assert sent < 150
    cut = time.monotonic()
    monkeypatch.setattr(liveness, "LISTENING_TURN", 60.0)  # its packets are noticed, not the turn
    await asyncio.sleep(0.3)
    caller.pass_only(lambda datagram: True)
    await gateway.session.until(lambda: gateway.session.states[-1] is LegState.CONNECTED)
    held = time.monotonic() - cut
    await gateway.session.until(lambda: gateway.session.played == ["item"])
    await caller.until(lambda: len(caller.packets) >= 150)

    # What it was sent while it was silent counted as heard, and it heard it; nothing came twice.
    voiced = caller.packets[:150]
    sequences = [packet.sequence_number for packet in voiced]
    assert sequences == list(range(sequences[0], sequences[0] + 150))
    last, first = voiced[sent - 1], voiced[sent]
    assert [packet.marker for packet in voiced].count(1) == 2
    assert first.marker
    elapsed = (first.timestamp - last.timestamp) / 48_000
    assert held <= elapsed < held + 0.1
    assert gateway.session.states == [*IN_CALL, LegState.DISCONNECTED, LegState.CONNECTED]


@pytest.mark.usefixtures("quick_turns")
async def test_a_check_alone_brings_a_peer_back(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    caller.pass_only(lambda datagram: False)
    await gateway.session.until_state(LegState.DISCONNECTED)
    caller.pass_only(is_stun_response)
    await gateway.session.until(lambda: gateway.session.states[-1] is LegState.CONNECTED)


async def test_a_bye_before_the_silence_makes_it_shorter(
    gateway: GatewayEnd, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "LISTENING_TURN", 0.05)
    monkeypatch.setattr(watching, "SILENT_AFTER", 10_000)
    await caller.call(gateway)
    await gateway.session.until(lambda: gateway.leg._rtp.heard > 0)
    await caller.say_bye()
    caller.vanish()
    await gateway.session.until_state(LegState.DISCONNECTED)


@pytest.mark.usefixtures("quick_turns")
async def test_a_bye_alone_ends_nothing(gateway: GatewayEnd, caller: Caller) -> None:
    await caller.call(gateway)
    await gateway.session.until(lambda: gateway.leg._rtp.heard > 0)
    await caller.say_bye()
    caller.pass_only(is_stun_response)
    await hold_out(gateway, GONE_AFTER // watching.ASK_AFTER)
    assert gateway.leg._rtp.peer_left
    assert gateway.session.states == IN_CALL


@pytest.mark.usefixtures("quick_turns")
async def test_a_peer_that_consents_no_more_has_time_for_a_restart(
    gateway: GatewayEnd, caller: Caller
) -> None:
    await caller.call(gateway)
    agent = gateway.leg._path._open
    assert agent is not None
    await agent.close()  # as it does itself when its checks go unanswered for 30 s
    closed = time.monotonic()
    await gateway.session.until_state(LegState.DISCONNECTED)
    assert time.monotonic() - closed < 0.3
    await gateway.session.until_state(LegState.FAILED)
    assert time.monotonic() - closed > 1.0


def is_stun_response(datagram: bytes) -> bool:
    """A binding success response (RFC 8489 §5)."""
    return datagram[:2] == b"\x01\x01"
