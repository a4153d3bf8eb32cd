"""The npm package whip-whep, as it is, in Chromium: publish, be heard, restart ICE, stop."""

from __future__ import annotations

import asyncio

from playwright.async_api import Browser, Route

from gateway.session import Session
from signaling.app import Gateway
from tests.browser import chromium, microphone_file
from tests.gateways import running_gateway
from tests.npm import installed
from tests.signaling.callers import until
from tests.speech import JFK
from tests.strict_model import StrictModel

PUBLISH = """async (url) => {
  const { WHIPClient } = await import('/whip.js');
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  window.pc = new RTCPeerConnection();
  pc.addTransceiver(stream.getAudioTracks()[0], { direction: 'sendonly', streams: [stream] });
  window.whip = new WHIPClient();
  await whip.publish(pc, url, null);
}"""
CONNECTED = "() => pc.connectionState === 'connected'"
PAIR = """async () => {
  const found = [...(await pc.getStats()).values()];
  const transport = found.find((entry) => entry.type === 'transport');
  return transport.iceLocalUsernameFragment + transport.selectedCandidatePairChanges;
}"""


async def test_an_unmodified_client_publishes_restarts_and_stops() -> None:
    """Before the embedded model, and before one that is strict, side by side."""
    program = installed("whip-whep") / "whip.js"

    async def page_of_its_own(route: Route) -> None:
        await route.fulfill(body="<!doctype html>", content_type="text/html")

    async def module(route: Route) -> None:
        await route.fulfill(path=program, content_type="text/javascript")

    async def publish(browser: Browser, gateway: Gateway) -> None:
        page = await browser.new_page()
        await page.route("**/whip-page", page_of_its_own)
        await page.route("**/whip.js", module)
        await page.goto(f"{gateway.url}/whip-page")
        await page.evaluate(PUBLISH, f"{gateway.url}/whip")
        await page.wait_for_function(CONNECTED, timeout=10_000)
        (session,) = gateway.sessions or ()
        await until(lambda: turns_of(session) > 0)
        before = await page.evaluate(PAIR)
        await page.evaluate("whip.restart()")
        await page.wait_for_function(
            f"async (before) => await ({PAIR})() !== before && ({CONNECTED})()",
            arg=before,
            timeout=10_000,
        )
        heard = turns_of(session)
        await until(lambda: turns_of(session) > heard)
        await page.evaluate("whip.stop()")
        await until(lambda: not gateway.sessions)

    arguments = (*microphone_file(JFK), "--use-fake-ui-for-media-stream")
    async with (
        StrictModel() as model,
        running_gateway(None) as embedded,
        running_gateway(model.url) as strict,
        chromium(*arguments) as browser,
    ):
        async with asyncio.TaskGroup() as tasks:
            for gateway in (embedded, strict):
                tasks.create_task(publish(browser, gateway))
        assert not model.take_faults()


def turns_of(session: Session) -> int:
    """How often the caller was understood."""
    lines = session.parts.conversation.transcript.lines
    return sum(line.role == "user" and line.complete for line in lines)
