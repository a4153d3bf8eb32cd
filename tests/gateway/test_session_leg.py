"""A session and its WebRTC leg, with a real peer on loopback."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from client.python import Microphone
from client.python.peer import Peer
from gateway.core.events import (
    AudioInterrupted,
    CallStats,
    ErrorCode,
    GatewayError,
    LegStateChanged,
    Status,
    StatusChanged,
)
from gateway.media.leg import LegState
from gateway.media.webrtc import WebRtcLeg
from gateway.sessions import Sessions
from tests.gateway.media.peers import Caller
from tests.gateways import begin, connected, live_sessions
from tests.stand_in import StandIn

FINGERPRINT = re.compile(r"(?<=fingerprint:sha-256 )[0-9A-F]{2}")


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def sessions(model: StandIn) -> AsyncIterator[Sessions]:
    async with live_sessions(model.url) as live:
        yield live


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    microphone = Microphone()
    made = Peer(microphone, [], "127.0.0.1")
    yield made
    microphone.stop()
    await made.close()


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    made = Caller()
    yield made
    await made.close()


async def test_a_leg_connects_reports_and_ends_with_its_session(
    sessions: Sessions, model: StandIn, peer: Peer
) -> None:
    session, ear, _ = await connected(sessions, model)
    offer, candidates = await peer.offer()
    await peer.accept(await session.offer(offer))
    assert candidates
    await peer.wait_connected(10.0)
    stats = await ear.wait(CallStats)
    assert stats.packets_received > 0
    assert stats.turn_latency_ms is None
    await sessions.end(session, "enough")
    assert [event.connection for event in ear.of(LegStateChanged)] == [
        *("connecting", "connected", "closed"),
    ]
    assert ear.told[-1] == StatusChanged(Status.DISCONNECTED, "enough")
    with pytest.raises(GatewayError) as refused:
        await session.offer(offer)
    assert refused.value.code is ErrorCode.NO_SESSION


async def test_an_offer_that_fails_leaves_the_leg_alone(
    sessions: Sessions, model: StandIn, peer: Peer
) -> None:
    session, ear, _ = await connected(sessions, model)
    offer, _ = await peer.offer()
    await peer.accept(await session.offer(offer))
    await peer.wait_connected(10.0)
    await ear.wait(LegStateChanged, lambda state: state.connection == "connected")
    leg = session.legs.offered
    for nonsense in ("", "v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111"):
        with pytest.raises(GatewayError) as refused:
            await session.offer(nonsense)
        assert refused.value.code is ErrorCode.NEGOTIATION_FAILED
    assert session.legs.offered is leg
    assert leg is not None
    assert leg.state is LegState.CONNECTED


async def test_a_first_offer_that_fails_says_nothing_of_a_leg(sessions: Sessions) -> None:
    session, ear = begin(sessions)
    with pytest.raises(GatewayError):
        await session.offer("v=0")
    assert session.legs.offered is None
    assert not ear.of(LegStateChanged)


def of_another(offer: str) -> str:
    """The same offer under another identity."""
    return FINGERPRINT.sub(lambda byte: f"{int(byte[0], 16) ^ 1:02X}", offer)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34])
async def test_a_session_ended_while_its_leg_negotiates_leaves_nothing(
    sessions: Sessions, peer: Peer, turns: int
) -> None:
    session, ear = begin(sessions)
    offer, _ = await peer.offer()
    offering = asyncio.create_task(session.offer(offer))
    for _ in range(turns):
        await asyncio.sleep(0)
    await sessions.end(session, "too late")
    await asyncio.wait([offering])
    assert ear.told[-1] == StatusChanged(Status.DISCONNECTED, "too late")
    assert session.legs.offered is None or session.legs.offered.state is LegState.CLOSED


async def test_a_session_ended_while_its_leg_is_replaced_leaves_neither(
    sessions: Sessions, model: StandIn, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, ear, line = await connected(sessions, model)
    offer, _ = await peer.offer()
    await peer.accept(await session.offer(offer))
    await ear.wait(LegStateChanged, lambda state: state.connection == "connected")
    first, go_on, answer = session.legs.offered, asyncio.Event(), WebRtcLeg.answer

    async def slow(leg: WebRtcLeg, sdp: str) -> str:
        await go_on.wait()
        return await answer(leg, sdp)

    monkeypatch.setattr(WebRtcLeg, "answer", slow)
    # A page that was reloaded has another identity.
    offering = asyncio.create_task(session.offer(of_another(offer)))
    ending = asyncio.create_task(sessions.end(session, "too late"))
    await line.socket.wait_closed()
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait([offering, ending])
    assert offering.exception() is None
    assert session.legs.offered is not first
    for leg in (first, session.legs.offered):
        assert leg is not None
        assert leg.state is LegState.CLOSED
    assert ear.told[-1] == StatusChanged(Status.DISCONNECTED, "too late")


async def test_a_leg_that_does_not_close_holds_up_nobody(
    sessions: Sessions, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, ear = begin(sessions)
    await session.offer((await peer.offer())[0])
    close = WebRtcLeg.close

    async def stuck(leg: WebRtcLeg) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(WebRtcLeg, "close", stuck)
    monkeypatch.setattr("gateway.session_legs.CLOSE_TIMEOUT", 0.05)
    async with asyncio.timeout(5):
        await sessions.end(session, "enough")
    assert ear.told[-1] == StatusChanged(Status.DISCONNECTED, "enough")
    assert isinstance(session.legs.offered, WebRtcLeg)
    await close(session.legs.offered)


async def test_a_silent_caller_is_told_of_and_its_answer_is_kept_until_it_is_lost(
    model: StandIn, sessions: Sessions, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.media.liveness.LISTENING_TURN", 0.08)
    session, ear, line = await connected(sessions, model)
    await caller.accept(await session.offer(await caller.offer()))
    await ear.wait(LegStateChanged, lambda state: state.connection == "connected")
    await line.answer("A long story.", bytes(2 * 24_000 * 60))
    await caller.until(lambda: len(caller.packets) > 10)
    caller.vanish()
    silent = await ear.wait(LegStateChanged, lambda state: state.connection == "disconnected")
    assert silent.ice == "disconnected"
    assert session.end_reason == ""
    first = ear.told.index(silent)
    stats = await ear.wait(CallStats, lambda stats: ear.told.index(stats) > first)
    assert (stats.rtt_ms, stats.jitter_ms, stats.loss_percent) == (None, None, None)
    assert stats.buffer_ms > 50_000
    assert not ear.of(AudioInterrupted), "the answer waits"
    await ear.wait(LegStateChanged, lambda state: state.connection == "failed")
    truncated = await line.wait_for("conversation.item.truncate")
    heard_ms = 60_000 - stats.buffer_ms
    assert truncated["audio_end_ms"] == pytest.approx(heard_ms, abs=20)
    assert not session.ended


async def test_a_call_ends_with_the_leg_it_lost_but_not_before(
    model: StandIn, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.media.liveness.LISTENING_TURN", 0.05)
    async with live_sessions(model.url) as sessions:
        session, ear = begin(sessions, ends_with_leg=True)
        await caller.accept(await session.offer(await caller.offer()))
        await ear.wait(LegStateChanged, lambda state: state.connection == "connected")
        caller.vanish()
        await ear.wait(LegStateChanged, lambda state: state.connection == "disconnected")
        assert not session.ended
        assert (await ear.status(Status.DISCONNECTED)).reason == "the call was lost"


async def test_a_call_ends_with_its_leg(model: StandIn, peer: Peer) -> None:
    async with live_sessions(model.url) as sessions:
        session, ear = begin(sessions, ends_with_leg=True)
        offer, _ = await peer.offer()
        await peer.accept(await session.offer(offer))
        await peer.wait_connected(10.0)
        await ear.wait(LegStateChanged, lambda state: state.connection == "connected")
        await peer.close()
        assert (await ear.status(Status.DISCONNECTED)).reason == "the caller hung up"
