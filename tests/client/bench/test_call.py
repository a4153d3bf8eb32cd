import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiortc import RTCCertificate

from client.python.bench import call as call_module
from client.python.bench.agent import Voice
from client.python.bench.call import BenchCall, Truncation
from client.python.bench.doors import Doors
from client.python.bench.errors import BenchError
from client.python.bench.model import MockModel
from client.python.bench.path import LossyPath
from client.python.bench.profile import parse_profile
from client.python.bench.speech import synthesise
from client.python.bench.stock_bridge import Bridge
from client.python.bench.track import RATE, speech_track
from client.python.bench.wheel import PacketWheel

VOICE = Voice(answer=0.4, delta=0.2)


@pytest_asyncio.fixture
async def model() -> AsyncIterator[MockModel]:
    mock = MockModel()
    await mock.start()
    yield mock
    await mock.stop()


class HeardCall(BenchCall):
    """Tells when a probe was heard at each end."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.heard = asyncio.Event()

    def on_append(self, pcm: bytes, at: float) -> None:
        super().on_append(pcm, at)
        if self.uplink.probes and self.downlink:
            self.heard.set()


def new_call(url: str, model: MockModel) -> HeardCall:
    return HeardCall(1, Doors(url), model, RTCCertificate.generateCertificate(), VOICE)


async def test_a_call_is_heard_at_both_ends(model: MockModel) -> None:
    bridge = Bridge(model.url)
    call = new_call(await bridge.start(), model)
    async with aiohttp.ClientSession() as http:
        await call.set_up(http)
    assert call.is_up
    assert 0 < call.setup_seconds < 10
    assert not call.wants_fec
    wheel = PacketWheel()
    track = speech_track(synthesise(8.0, RATE), 0)
    wheel.ticks = [call.prepare(track, LossyPath(parse_profile("rest"), 1), wheel.later)]
    wheel.start()
    call.agent.speak()
    call.send_report()
    async with asyncio.timeout(20):
        await call.heard.wait()
    wheel.stop()
    assert all(0 < late < 5 for _, late in [*call.uplink.probes, *call.downlink])
    assert call.answers[0].tone == 0
    assert call.unheard_answers == []
    await call.hang_up()
    assert not call.is_up
    await bridge.stop()


async def test_a_gateway_without_our_model_is_told_so(
    model: MockModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_module, "MODEL_SECONDS", 0.05)
    elsewhere = MockModel()
    await elsewhere.start()
    bridge = Bridge(elsewhere.url)
    call = new_call(await bridge.start(), model)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(BenchError, match="did not connect to ws://127"):
            await call.set_up(http)
    await call.hang_up()
    await bridge.stop()
    await elsewhere.stop()


async def test_a_call_that_nobody_answered_can_be_hung_up(model: MockModel) -> None:
    call = new_call("http://127.0.0.1:9", model)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(BenchError, match="no answer"):
            await call.set_up(http)
    await call.hang_up()


async def test_what_the_model_is_told_of_a_cut_is_kept(model: MockModel) -> None:
    call = new_call("http://127.0.0.1:9", model)
    event = {"type": "conversation.item.truncate", "item_id": "a", "audio_end_ms": 120}
    call.on_client_event(event, 1.0)
    assert call.truncation == Truncation("a", 120)
    call.on_client_event({"type": "conversation.item.delete", "item_id": "b"}, 2.0)
    assert call.truncation == Truncation("b", 0)
    call.forget_answer()
    assert call.truncation is None
    await call.hang_up()
