"""The npm package whip-whep, as it is, in Chromium: publish, be heard, restart ICE, stop."""

from __future__ import annotations

from playwright.async_api import Route

from tests.browser import chromium, microphone_file
from tests.gateways import running_gateway
from tests.npm import installed
from tests.signaling.callers import until
from tests.speech import JFK
from tests.stand_in import StandIn

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
    program = installed("whip-whep") / "whip.js"

    async def page_of_its_own(route: Route) -> None:
        await route.fulfill(body="<!doctype html>", content_type="text/html")

    async def module(route: Route) -> None:
        await route.fulfill(path=program, content_type="text/javascript")

    arguments = (*microphone_file(JFK), "--use-fake-ui-for-media-stream")
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        chromium(*arguments) as browser,
    ):
        page = await browser.new_page()
        await page.route("**/whip-page", page_of_its_own)
        await page.route("**/whip.js", module)
        await page.goto(f"{gateway.url}/whip-page")
        await page.evaluate(PUBLISH, f"{gateway.url}/whip")
        await page.wait_for_function(CONNECTED, timeout=10_000)
        line = await model.line()
        await line.wait_for_audio(24_000)
        before = await page.evaluate(PAIR)
        await page.evaluate("whip.restart()")
        await page.wait_for_function(
            f"async (before) => await ({PAIR})() !== before && ({CONNECTED})()",
            arg=before,
            timeout=10_000,
        )
        heard = len(line.audio) // 2
        await line.wait_for_audio(heard + 24_000)
        await page.evaluate("whip.stop()")
        await until(lambda: not gateway.sessions)
