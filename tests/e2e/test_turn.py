"""A call in which each end is reached through TURN alone, with what the gateway hands out."""

from __future__ import annotations

import asyncio
import json
import time

from aiortc import RTCIceServer

from tests.client.tones import tone
from tests.coturn import LOOPBACK, SECRET, needs_coturn, running_coturn
from tests.gateway.media import peers
from tests.gateways import running_gateway
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

RATE = 24_000


@needs_coturn
async def test_a_caller_behind_a_relay_talks_with_the_model() -> None:
    with running_coturn() as coturn:
        urls = [f"turn:{LOOPBACK}:{coturn.port}"]
        async with (
            StandIn() as model,
            running_gateway(
                model.url, ice_servers=json.dumps([{"urls": urls}]), turn_secret=SECRET
            ) as gateway,
            Caller(gateway.url) as client,
        ):
            joined = await client.join()
            caller = peers.Caller(turn=RTCIceServer(**joined["iceServers"][0]))
            try:
                offer = await caller.offer()
                assert " typ relay " in offer
                assert " typ host " not in offer
                answer = await client.ask("webrtc_offer", {"type": "offer", "sdp": offer})
                assert " typ relay " in answer["sdp"], "the gateway has an allocation of its own"
                await caller.accept(answer["sdp"])
                await caller.until(lambda: caller.state == "connected")

                line = await model.line()
                said = asyncio.create_task(caller.microphone.say(tone(0.5, RATE)))
                assert any(await line.wait_for_audio(RATE // 2))
                await said
                asked_at = time.monotonic()
                await line.answer("Hello there.", tone(0.4, RATE).tobytes())
                await caller.hears(asked_at)
            finally:
                await caller.close()
        log = coturn.log.read_text()
    assert f":{joined['sessionId']}>" in log, "each session is known to the server by its id"
    assert ":gateway>" in log
    assert SECRET not in log
