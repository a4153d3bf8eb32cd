"""The page in a Chromium whose device changes its network in mid-call: real links and addresses."""

from __future__ import annotations

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page, expect

from gateway.media.leg import LegState
from gateway.session import Session
from tests.browser import chromium, microphone_file
from tests.client.tones import tone
from tests.e2e.test_page import LISTENER, heard, place_call
from tests.gateways import running_gateway
from tests.stand_in import Line, StandIn
from tests.two_networks import Device, device

RATE = 48_000
MODEL_RATE = 24_000
LOUD = 1000.0
"""RMS, in units of a sample."""


@dataclass(frozen=True)
class Call:
    page: Page
    line: Line
    session: Session
    device: Device

    async def until_agent_was_heard(self, seconds: float) -> None:
        """Until so much of the agent's voice has reached the caller in all."""
        async with asyncio.timeout(20):
            while True:
                agent = await heard(self.page, "agent")
                if sum(end - begin for begin, end in agent.talkspurts(0.06)) >= seconds:
                    return
                await asyncio.sleep(0.1)

    async def until_caller_is_heard(self) -> None:
        """Until the model was sent half a second of nothing but the caller's voice of now."""
        async with asyncio.timeout(20):
            quietest = 0.0
            while quietest < LOUD:
                self.line.audio.clear()
                pcm = await self.line.wait_for_audio(MODEL_RATE // 2)
                frames = np.frombuffer(pcm[:MODEL_RATE], dtype="<i2").reshape(25, -1)
                quietest = float(np.sqrt(np.mean(np.square(frames, dtype=float), axis=1)).min())

    async def until_connected(self) -> None:
        for part in ("call", "session", "ice"):
            state = self.page.locator(f"#state-{part} dd")
            await expect(state).to_have_text("Connected", timeout=20_000)


@contextlib.asynccontextmanager
async def call_from_device(folder: Path) -> AsyncIterator[Call]:
    """A page in a call, its caller speaking all the time."""
    microphone = folder / "tone.wav"
    write_tone(microphone)
    async with (
        device(folder) as mobile,
        StandIn() as model,
        running_gateway(
            model.url,
            host=mobile.gateway_address,
            public_address=(mobile.gateway_address,),
            allow_anonymous=True,
        ) as gateway,
        chromium(
            "--use-fake-ui-for-media-stream",
            # A microphone needs a page that came over TLS or loopback.
            f"--unsafely-treat-insecure-origin-as-secure={gateway.url}",
            *microphone_file(microphone),
            device=mobile,
        ) as browser,
    ):
        page = await browser.new_page(bypass_csp=True)
        await page.goto(gateway.url)
        await place_call(page)
        await page.evaluate(LISTENER)
        assert gateway.sessions is not None
        (session,) = gateway.sessions._live.values()
        call = Call(page, await model.line(), session, mobile)
        await call.until_caller_is_heard()
        yield call
        assert list(gateway.sessions._live.values()) == [session]
        assert len(model.lines) == 1


def write_tone(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(tone(2.0, RATE).tobytes())


async def change(device: Device, *, noticed: bool) -> None:
    """Move to the other network; noticed: with a moment without any, which the browser is told."""
    if noticed:
        await device.detach("old")
        await device.attach("new")
    else:
        await device.attach("new")
        await device.detach("old")


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("noticed", "lost"), [(True, 2.0), (False, 6.0)], ids=["noticed", "unnoticed"]
)
async def test_a_call_survives_a_change_of_network(
    tmp_path: Path, noticed: bool, lost: float
) -> None:
    async with call_from_device(tmp_path) as call:
        leg = call.session.legs.offered
        assert leg is not None
        dtls, path = leg._dtls, leg._path._open
        await call.line.question("Tell me a story.")
        answer = 10.0
        await call.line.answer("A long one.", tone(answer, MODEL_RATE).tobytes())
        await call.until_agent_was_heard(1.0)

        await change(call.device, noticed=noticed)
        if not noticed:
            # Neither end is told: both paths, media's and signalling's, are simply silent.
            await expect(call.page.locator("#state-ice dd")).not_to_have_text(
                "Connected", timeout=15_000
            )
            assert leg.state is LegState.DISCONNECTED
        await call.until_connected()
        await call.until_caller_is_heard()
        line = call.page.locator("#log .line.assistant .text")
        await expect(line).to_have_text("A long one.", timeout=15_000)

        # What was sent until the gateway missed the caller is gone; nothing else of the answer is.
        await call.until_agent_was_heard(answer - lost)
        assert call.session.legs.offered is leg
        assert leg._dtls is dtls
        assert leg._path._open is not path
        assert leg.state is LegState.CONNECTED
        assert not [e for e in call.line.received if e["type"] == "conversation.item.truncate"]
