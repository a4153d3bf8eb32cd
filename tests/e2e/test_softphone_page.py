"""The softphone page in a real Chromium, with human speech as its microphone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from signaling.app import Gateway
from signaling.sip.dialling import CallState
from tests.browser import chromium, microphone_file
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import prompt
from tests.stand_in import Line, StandIn

RATE = 24_000
LOUD = 0.05
"""Of full scale; the tone is louder, an empty line is not."""

PICTURES = os.environ.get("TALKPATH_PICTURES")
"""Folder for the picture of the documentation; set by hand when the page has changed."""

KEEP_CONNECTION = """
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) {
    super(...options);
    globalThis.connection = this;
  }
};
"""

LOUDNESS = """async (seconds) => {
  const heard = async () => {
    const reports = [...(await connection.getStats()).values()];
    return reports.find(({ type }) => type === 'inbound-rtp')?.totalAudioEnergy ?? 0;
  };
  const before = await heard();
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  return Math.sqrt(((await heard()) - before) / seconds);
}"""
"""RMS of what the page's element plays meanwhile; WebAudio gets nothing after a hold."""


KEEP_RING = """
globalThis.AudioContext = class extends AudioContext {
  constructor(...options) {
    super(...options);
    globalThis.ring = new AnalyserNode(this, { fftSize: 32768 });
    Object.defineProperty(this, 'destination', { value: globalThis.ring });
    globalThis.ring.connect(super.destination);
  }
};
"""

RINGS = """async () => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  const samples = new Float32Array(ring.fftSize);
  if (ring.context.state !== 'closed') ring.getFloatTimeDomainData(samples);
  return Math.max(...samples);
}"""
"""How loud the page rings, of full scale."""


SERVERS = '[{"urls": "stun:127.0.0.1:9"}]'


@contextlib.asynccontextmanager
async def softphone(gateway: Gateway) -> AsyncIterator[Page]:
    """The page, which must report no error."""
    fake = ("--use-fake-ui-for-media-stream", *microphone_file(prompt("conf-onlyperson")))
    async with chromium(*fake) as browser:
        page = await browser.new_page(viewport={"width": 480, "height": 880})
        await page.add_init_script(KEEP_CONNECTION)
        await page.add_init_script(KEEP_RING)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        await page.goto(f"{gateway.url}/softphone")
        yield page
        assert errors == []


async def hears(page: Page, line: Line) -> float:
    """How loud an answer of the agent's is, as the page hears it."""
    await line.answer("A tone.", tone(1.5, RATE))
    level: float = await page.evaluate(LOUDNESS, 1.2)
    return level


@pytest.mark.timeout(90)
async def test_a_call_from_the_page() -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        softphone(gateway) as page,
    ):
        phase = page.locator("#phase")
        await expect(phase).to_have_text("Ready to call")
        await page.click("#call")
        await expect(phase).to_have_text("Connected", timeout=15_000)
        line = await model.line()
        await line.wait_for_audio(RATE)
        assert await hears(page, line) > LOUD

        for key in "12#":
            await page.click(f"[data-key='{key}']")
        pressed = await line.wait_for("conversation.item.create")
        assert "12#" in str(pressed)
        await expect(page.locator("#keys")).to_have_text("12#")
        await page.click("#mute")
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await page.click("#mute")
        if PICTURES:
            await page.screenshot(path=Path(PICTURES) / "softphone.png")

        await page.click("#hold")
        await expect(phase).to_have_text("On hold")
        assert await hears(page, line) == 0, "nothing is said into a held line"
        await page.click("#hold")
        await expect(phase).to_have_text("Connected")
        assert await page.evaluate(LOUDNESS, 1.2) > LOUD, "what was due is said then"

        await page.click("#call")
        await expect(phase).to_have_text("The call is over")
        await until(lambda: not gateway.sessions)


async def test_an_account_and_a_name_nobody_has() -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_users={"alice": "secret"}) as gateway,
        softphone(gateway) as page,
    ):
        assert gateway.sip is not None
        registrar = gateway.sip._agent.registrar
        registration = page.locator("#state-registration dd")
        await page.click("#register")
        await expect(registration).to_have_text("Refused")
        await page.fill("#name", "alice")
        await page.fill("#password", "secret")
        await page.click("#register")
        await expect(registration).to_have_text("Registered")
        assert len(registrar.of("alice")) == 1

        (lost,) = gateway.sip._websockets._flows
        lost.close()
        await expect(registration).to_have_text("None")
        await expect(registration).to_have_text("Registered", timeout=10_000)
        assert [binding.flow for binding in registrar.of("alice")] != [lost]

        await page.select_option("#language", "ko")
        await expect(registration).to_have_text("등록됨")
        await page.fill("#target", "nobody")
        await page.click("#call")
        await expect(page.locator("#phase")).to_contain_text("그런 이름은 없습니다")

        await page.click("#register")
        await expect(registration).to_have_text("없음")
        assert registrar.of("alice") == []


async def test_calls_that_come() -> None:
    """Missed, declined, answered, and one more while that goes on."""
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_users={"alice": "secret"}, ice_servers=SERVERS) as gateway,
        softphone(gateway) as page,
    ):
        assert gateway.sip is not None
        phase, answer = page.locator("#phase"), page.locator("#answer")
        await page.fill("#name", "alice")
        await page.fill("#password", "secret")
        await page.click("#register")
        await expect(page.locator("#state-registration dd")).to_have_text("Registered")

        missed = await gateway.sip.dial("alice")
        await expect(phase).to_have_text("agent is calling")
        assert await page.title() == "agent is calling"
        assert await page.evaluate(RINGS) > 0.05
        if PICTURES:
            await page.screenshot(path=Path(PICTURES) / "softphone-ringing.png")
        missed.hang_up()
        await expect(phase).to_have_text("Missed call from agent")
        await expect(answer).to_be_hidden()
        assert await page.evaluate(RINGS) == 0

        declined = await gateway.sip.dial("alice")
        await page.click("#decline")
        await expect(phase).to_have_text("The call is over")
        await until(lambda: declined.state is CallState.ENDED)
        assert declined.failure is not None
        assert declined.failure.code == 603

        taken = await gateway.sip.dial("alice")
        await answer.click()
        await expect(phase).to_have_text("Connected")
        servers = await page.evaluate("connection.getConfiguration().iceServers")
        assert [server["urls"] for server in servers] == [["stun:127.0.0.1:9"]]
        line = await model.line(len(model.lines) - 1)
        await line.wait_for_audio(RATE)
        assert await hears(page, line) > LOUD
        busy = await gateway.sip.dial("alice")
        await until(lambda: busy.state is CallState.ENDED)
        assert busy.failure is not None
        assert busy.failure.code == 486
        await expect(phase).to_have_text("Connected")
        taken.hang_up()
        await expect(phase).to_have_text("The call is over")
        await until(lambda: not gateway.sessions)
