"""A leg and Chromium: what only a browser does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from gateway.core.candidate import IceCandidate
from gateway.core.sdp import parse_sdp
from gateway.media import liveness
from gateway.media.leg import LegState
from tests.browser import chromium
from tests.client.tones import tone
from tests.gateway.media.peers import PATIENCE, GatewayEnd

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A microphone that needs no permission: without one Chromium hides its addresses behind .local.
OFFER = """async () => {
    const context = new AudioContext();
    const oscillator = new OscillatorNode(context, { frequency: 440 });
    const microphone = new MediaStreamAudioDestinationNode(context);
    oscillator.connect(microphone);
    oscillator.start();
    const pc = (globalThis.pc = new RTCPeerConnection());
    pc.onicecandidate = ({ candidate }) => trickle(candidate?.candidate ?? null);
    pc.ontrack = ({ streams }) => {
        globalThis.speaker = Object.assign(new Audio(), { srcObject: streams[0], muted: true });
        speaker.play();
    };
    pc.addTrack(microphone.stream.getAudioTracks()[0], microphone.stream);
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""
RESTART = """async () => {
    pc.restartIce();
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""
ACCEPT = "async (sdp) => pc.setRemoteDescription({ type: 'answer', sdp })"
HEARD = """async () => {
    for (const report of (await pc.getStats()).values()) {
        if (report.type === 'inbound-rtp') return report.totalAudioEnergy;
    }
    return 0;
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    made = await browser.new_context()
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def gateway() -> AsyncIterator[GatewayEnd]:
    end = GatewayEnd()
    yield end
    await end.leg.close()


async def call(context: BrowserContext, gateway: GatewayEnd) -> Page:
    """A page in a call with the leg, candidates trickled in both words and time."""
    page = await context.new_page()
    page.set_default_timeout(PATIENCE * 1000)

    async def trickle(line: str | None) -> None:
        candidate = IceCandidate.parse(line) if line else None
        await gateway.leg.add_candidate(candidate)

    await page.expose_function("trickle", trickle)
    await page.evaluate(ACCEPT, await gateway.leg.answer(await page.evaluate(OFFER)))
    await gateway.session.until_state(LegState.CONNECTED)
    return page


async def hears(page: Page, gateway: GatewayEnd, item_id: str) -> None:
    """The page hears what the agent says now."""
    before: float = await page.evaluate(HEARD)
    gateway.say(tone(1.0, 24_000).tobytes(), item_id)
    condition = f"async (before) => await ({HEARD})() > before + 0.01"
    await page.wait_for_function(f"before => ({condition})(before)", arg=before)


async def test_an_ice_restart_moves_the_call_and_keeps_its_keys(
    context: BrowserContext, gateway: GatewayEnd
) -> None:
    page = await call(context, gateway)
    await gateway.session.until_loud()
    await hears(page, gateway, "before")
    leg = gateway.leg
    dtls, path, ssrc = leg._dtls, leg._path._open, leg._descriptions._local.ssrc
    before = leg._path.credentials

    offer: str = await page.evaluate(RESTART)
    assert leg.accepts(offer)
    answer = await leg.answer(offer)
    assert leg._path._open is path, "the old path carries on meanwhile"
    await page.evaluate(ACCEPT, answer)
    await gateway.session.until(lambda: leg._path._open is not path)

    (section,) = parse_sdp(answer).media
    assert (section.ice_ufrag, section.ice_pwd) != before
    assert section.ssrc == ssrc
    await gateway.session.until_loud(0.5)
    await hears(page, gateway, "after")
    assert leg._dtls is dtls
    assert dtls is not None
    assert dtls.state == "connected"
    assert gateway.session.states == [LegState.CONNECTING, LegState.CONNECTED]
    assert leg.stats().concealed_percent < 5
    state: Any = await page.evaluate("() => [pc.connectionState, pc.iceConnectionState]")
    assert state[0] == "connected"
    assert len(leg._path._agents) == 1, "the old path's sockets are closed"


async def test_a_path_that_died_is_replaced_and_the_answer_goes_on(
    context: BrowserContext, gateway: GatewayEnd
) -> None:
    page = await call(context, gateway)
    await gateway.session.until_loud()
    gateway.say(tone(8.0, 24_000).tobytes())
    leg, before = gateway.leg, gateway.leg._path._open
    assert before is not None
    for protocol in before._protocols:
        transport: Any = protocol.transport
        transport.get_protocol().datagram_received = lambda data, addr: None
        transport.sendto = lambda data, addr=None: None
    died = time.monotonic()
    await gateway.session.until_state(LegState.DISCONNECTED)
    assert time.monotonic() - died < 6.0
    owed = gateway.playout.owed_samples
    await page.wait_for_function("() => pc.iceConnectionState === 'disconnected'")
    assert gateway.playout.owed_samples == owed, "the answer waits"

    heard: float = await page.evaluate(HEARD)
    await page.evaluate(ACCEPT, await leg.answer(await page.evaluate(RESTART)))
    await gateway.session.until(lambda: gateway.session.states[-1] is LegState.CONNECTED)
    await gateway.session.until_loud()
    await page.wait_for_function(f"async (heard) => await ({HEARD})() > heard", arg=heard)
    await gateway.session.until(lambda: gateway.session.played == ["item"])
    assert gateway.session.states == [
        *(LegState.CONNECTING, LegState.CONNECTED, LegState.DISCONNECTED, LegState.CONNECTED),
    ]
    assert len(leg._path._agents) == 1, "the dead path's sockets are closed"


async def test_a_page_that_is_gone_fails_the_leg(
    context: BrowserContext, gateway: GatewayEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "LISTENING_TURN", 0.03)
    page = await call(context, gateway)
    await gateway.session.until_loud()
    await page.close()
    ended = (LegState.FAILED, LegState.CLOSED)
    await gateway.session.until(lambda: gateway.session.states[-1] in ended)
    await asyncio.wait_for(gateway.leg.close(), PATIENCE)
