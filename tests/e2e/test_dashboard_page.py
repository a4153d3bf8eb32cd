"""The operators' page in a real Chromium: a real call is seen, listened to, helped and ended."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from playwright.async_api import Page, expect
from pydantic import SecretStr

from signaling.app import Gateway
from signaling.caller import Scope
from signaling.tokens import SecretTokens
from tests.browser import chromium
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.signaling.test_listen import phone
from tests.stand_in import StandIn

RATE = 24_000
SECRET = "the secret of a gateway in the tests"
KEEP_CONNECTION = """
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) {
    super(...options);
    globalThis.connection = this;
  }
};
"""
HEARS = """async () => {
  const reports = [...(await connection.getStats()).values()];
  return reports.find(({ type }) => type === 'inbound-rtp')?.totalAudioEnergy > 0.001;
}"""


@contextlib.asynccontextmanager
async def dashboard(gateway: Gateway, refused: int = 0) -> AsyncIterator[Page]:
    """The page, which must report no error, of its content security policy or another, but that
    the gateway ``refused`` it so many times.
    """
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.add_init_script(KEEP_CONNECTION)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: (
                errors.append(f"{said.text} {said.location}") if said.type == "error" else None
            ),
        )
        await page.goto(f"{gateway.url}/dashboard")
        yield page
        assert [
            error for error in errors if "(Unauthorized)" in error or "(Forbidden)" in error
        ] == errors
        assert len(errors) == refused, errors


@pytest.mark.timeout(60)
async def test_a_call_is_seen_listened_to_helped_and_ended() -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        dashboard(gateway) as page,
        aiohttp.ClientSession(gateway.url) as http,
        phone() as caller,
    ):
        await expect(page.locator("#state-gateway dd")).to_have_text("Live")
        await expect(page.locator("#calls-empty")).to_contain_text("Nobody is calling")
        await caller.call(http, "/v1/realtime/calls?model=m")
        row, line = page.locator(".call-row"), await model.line()
        await expect(row).to_contain_text("OpenAI WebRTC")
        await line.question("What is it?")
        await line.answer("A secret.", tone(4.0, RATE))
        await expect(page.locator(".voice[data-side=caller]")).to_have_count(1)
        await expect(page.locator(".voice[data-side=agent]")).to_have_count(1)
        await expect(page.locator("#entries")).to_contain_text("Agent · now · reply in")
        await expect(page.locator("#phase")).to_have_text("Agent speaks")
        await expect(row).to_contain_text("Opus")
        await page.wait_for_function(
            "() => document.querySelector('#level-agent').ariaValueNow > -20"
        )

        await page.click("#listen")
        await expect(page.locator("#call-note")).to_contain_text("Nobody hears you")
        await page.wait_for_function(HEARS)
        await page.click("#listen")
        await expect(page.locator("#call-note")).to_be_hidden()

        await page.focus("#chart-live")
        await page.keyboard.press("End")
        await expect(page.locator("#chart-live .chart-tip")).to_contain_text("Live 1")

        await page.fill("#text", "Offer a discount. <b>")
        await page.press("#text", "Enter")
        assert "discount" in str(await line.wait_for("conversation.item.create"))
        await expect(page.locator("#text")).to_have_value("")
        assert "secret" not in await page.content()

        calls, nothing = "**/api/sessions?*", {"sessions": [], "silent": ["another gateway"]}
        await page.route(calls, lambda route: route.fulfill(json=nothing))
        await expect(page.locator("#state-gateway dd")).to_have_text("Some do not answer")
        await expect(row).to_contain_text("OpenAI WebRTC")
        await page.unroute(calls)

        await page.select_option("#language", "ko")
        await expect(page.locator("#hang-up")).to_have_text("끊기")
        await page.select_option("#language", "en")
        await page.click("#hang-up")
        await page.click("#confirm [value='']")
        assert len(gateway.sessions) == 1, "asked, and not wanted"
        await page.click("#hang-up")
        await page.click("#confirm [value='yes']")
        await expect(row).to_have_count(0)
        await until(lambda: not gateway.sessions)
        await expect(page.locator("#call-note")).to_contain_text("has ended")


async def test_a_token_of_the_right_scope_is_needed() -> None:
    secret = SecretStr(SECRET)

    def token(scope: Scope) -> str:
        return SecretTokens(SECRET).mint("boss", frozenset({scope}), 60)

    async with (
        StandIn() as model,
        running_gateway(model.url, auth_secret=secret) as gateway,
        dashboard(gateway, refused=3) as page,
    ):
        state = page.locator("#state-gateway dd")
        await expect(state).to_have_text("Token needed")
        await expect(page.locator("#live")).to_be_hidden()
        await page.fill("#token", token(Scope.CALL))
        await page.press("#token", "Enter")
        await expect(page.locator("#access-told")).to_contain_text("admin")
        await page.goto(f"{gateway.url}/dashboard#token={token(Scope.ADMIN)}")
        await expect(state).to_have_text("Live")
        assert page.url == f"{gateway.url}/dashboard"
        await page.reload()
        await expect(state).to_have_text("Live")
        await page.click("#forget")
        await expect(page.locator("#token")).to_be_focused()
        await expect(page.locator("#token")).to_have_value("")
        await page.reload()
        await expect(state).to_have_text("Token needed")
