"""Who listens to a call: how many, at what cost, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from client.python import Microphone
from client.python.peer import Peer
from gateway import listening as module
from gateway.core.events import ErrorCode, GatewayError
from gateway.core.media_time import FRAME_SAMPLES
from gateway.core.playout import Playout
from gateway.core.replay import ReplayBuffer
from gateway.listening import MAX_LISTENERS, Listening
from gateway.media.addresses import MediaAddresses
from gateway.media.leg import LegState
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg
from gateway.session_legs import close_leg
from tests.gateways import LOOPBACK

FRAME = b"\1\0" * FRAME_SAMPLES


class Recorder:
    """A tap that was there before."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_heard(self, pcm: bytes, now: float) -> None:
        self.told.append("heard")

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        self.told.append("taken")

    def on_recalled(self, samples: int) -> None:
        self.told.append("recalled")


@pytest_asyncio.fixture
async def offer() -> AsyncIterator[str]:
    """Of somebody who then does nothing more."""
    microphone = Microphone()
    peer = Peer(microphone, [], LOOPBACK)
    yield (await peer.offer())[0]
    await peer.close()
    microphone.stop()


@pytest.fixture
def media() -> WebRtcConfig:
    return WebRtcConfig(MediaAddresses((LOOPBACK,)))


async def test_the_taps_are_there_while_somebody_listens(media: WebRtcConfig, offer: str) -> None:
    playout, replay, before = Playout(), ReplayBuffer(), Recorder()
    playout.taps = replay.taps = (before,)
    listening = Listening(media, playout, replay)
    first, answer = await listening.add(offer)
    assert "a=fingerprint" in answer
    second, _ = await listening.add(offer)
    assert await listening.remove(first)
    assert not await listening.remove(first)
    assert playout.taps == replay.taps == (before, listening)
    replay.append(FRAME, asyncio.get_running_loop().time())
    playout.push("item", FRAME * 2)
    playout.next_frame()
    playout.next_frame(plays_at=asyncio.get_running_loop().time() + 9)
    playout.interrupt(asyncio.get_running_loop().time())
    assert before.told == ["heard", "taken", "taken", "recalled"]
    await listening.remove(second)
    assert playout.taps == replay.taps == (before,)
    third, _ = await listening.add(offer)
    assert replay.taps == (before, listening)
    await listening.close()
    assert replay.taps == (before,)
    assert len(listening) == 0
    assert not await listening.remove(third)


async def test_a_leg_is_closed_once_and_then_it_is_closed(
    media: WebRtcConfig, offer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[WebRtcLeg] = []

    async def counted(leg: WebRtcLeg) -> None:
        closed.append(leg)
        await close_leg(leg)

    monkeypatch.setattr(module, "close_leg", counted)
    listening = Listening(media, Playout(), ReplayBuffer())
    first, _ = await listening.add(offer)
    await listening.add(offer)
    await listening.remove(first)
    assert [leg.state for leg in closed] == [LegState.CLOSED]
    await listening.close()
    assert [leg.state for leg in closed] == [LegState.CLOSED] * 2


async def test_so_many_listen_and_no_more(media: WebRtcConfig, offer: str) -> None:
    listening = Listening(media, Playout(), ReplayBuffer())
    with pytest.raises(GatewayError) as caught:
        await listening.add("nonsense")
    assert caught.value.code is ErrorCode.NEGOTIATION_FAILED
    assert len(listening) == 0
    await asyncio.gather(*(listening.add(offer) for _ in range(MAX_LISTENERS)))
    with pytest.raises(GatewayError) as caught:
        await listening.add(offer)
    assert caught.value.code is ErrorCode.CAPACITY
    await listening.close()
    with pytest.raises(GatewayError) as caught:
        await listening.add(offer)
    assert caught.value.code is ErrorCode.NO_SESSION


async def test_a_listener_that_takes_nothing_is_owed_little(
    monkeypatch: pytest.MonkeyPatch, media: WebRtcConfig
) -> None:
    class Stuck:
        """A leg whose pacer sends nothing."""

        state = LegState.CONNECTED

        def __init__(self, media: WebRtcConfig, handler: object, playout: Playout) -> None:
            self.playout = playout

        def wake(self) -> None: ...

    monkeypatch.setattr(module, "WebRtcLeg", Stuck)
    listener = module._Listener(media, lambda _: None)
    owed = []
    for _ in range(100):
        listener.hear(FRAME)
        owed.append(listener.leg.playout.owed_samples)  # type: ignore[attr-defined]
    assert max(owed) <= module._MOST_OWED + FRAME_SAMPLES
    assert owed[-1] > 0, "it goes on with what is heard now"
