"""Calls from the page: real WebRTC to a peer of the test's own."""

import re

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.client.web.page_gateway import PageGateway
from tests.client.web.screen import INSECURE_HOST, Evaluate, call, open_page

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_call_carries_sound_both_ways(page: Page, gateway: PageGateway) -> None:
    await call(page, gateway)
    peer = gateway.peer
    assert peer
    await peer.hears_speech()
    await expect(page.locator("#phase")).to_have_text("Agent is speaking")
    # What was sent, or half of it: a mono voice played as stereo.
    level = re.compile(r"-(9|1[0-2]) dB")
    await expect(page.locator("#level-agent")).to_have_attribute("aria-valuetext", level)
    await gateway.wait_for_last_candidate()
    assert len(gateway.requested("ice_candidate")) > 1
    for candidate in gateway.requested("ice_candidate")[:-1]:
        assert candidate.keys() == {"candidate", "sdpMid", "sdpMLineIndex"}

    await gateway.emit("call_stats", {"rttMs": 12.3, "lossPercent": 0.25, "turnLatencyMs": 612})
    await expect(page.locator("#stats dd")).to_have_text(["612 ms", "12 ms", "–", "0.3 %", "–"])

    await page.click("#mute")
    assert await gateway.wait_for("mute") is True
    await peer.hears_silence()
    await page.click("#mute")
    assert await gateway.wait_for("mute", 2) is False
    await peer.hears_speech()

    microphones = page.locator("#microphone option")
    await page.select_option("#microphone", await microphones.nth(1).get_attribute("value"))
    await peer.hears_speech()

    await page.click("#call")
    await expect(page.locator("#state-call dd")).to_have_text("Idle")
    await gateway.wait_for("interrupt")
    assert await page.evaluate("() => document.querySelector('#agent-audio').srcObject") is None
    await expect(page.locator("#state-session dd")).to_have_text("Connected")
    await page.click("#call")
    await expect(page.locator("#state-call dd")).to_have_text("Connected")


async def test_push_to_talk_opens_the_microphone_for_one_turn(
    page: Page, gateway: PageGateway
) -> None:
    await page.locator("[value=push-to-talk]").check(force=True)
    await call(page, gateway)
    assert gateway.requested("update_session") == [{"turnDetection": None}]
    peer = gateway.peer
    assert peer
    await expect(page.locator("#mute")).to_be_disabled()
    await expect(page.locator("#phase")).to_have_text("Agent is speaking")
    await peer.hears_silence()
    before = len(gateway.names)

    await page.keyboard.down("Space")
    await expect(page.locator("#phase")).to_have_text("You are speaking")
    await peer.hears_speech()
    await page.keyboard.up("Space")
    await gateway.wait_for("commit_audio")
    await peer.hears_silence()
    assert gateway.names[before:] == ["clear_audio", "interrupt", "commit_audio"]

    # With a silent agent there is nothing to interrupt.
    peer.tone.loud = False
    await expect(page.locator("#phase")).to_have_text("Hold the button to talk")
    await page.hover("#talk")
    await page.mouse.down()
    await peer.hears_speech()
    await page.mouse.up()
    await gateway.wait_for("commit_audio", 2)
    assert gateway.names[before + 3 :] == ["clear_audio", "commit_audio"]

    # Let go and pressed again within the tail: one turn.
    await page.keyboard.down("Space")
    await page.evaluate(
        """() => {
            for (const name of ['keyup', 'keydown']) {
                window.dispatchEvent(new KeyboardEvent(name, { code: 'Space' }));
            }
        }"""
    )
    await page.keyboard.up("Space")
    await gateway.wait_for("commit_audio", 3)
    await peer.hears_silence()

    await page.click("#text")
    await page.keyboard.type("a b")
    await expect(page.locator("#text")).to_have_value("a b")
    await page.locator("[value=hands-free]").check(force=True)
    assert await gateway.wait_for("update_session", 2) == {"turnDetection": "server_vad"}
    await peer.hears_speech()
    assert gateway.names[before + 5 :] == ["clear_audio", "commit_audio", "update_session"]


async def test_a_blocked_microphone_is_told_in_words(
    browser: Browser, gateway: PageGateway, faults: list[str]
) -> None:
    context = await browser.new_context()
    page = await open_page(context, gateway.url, faults)
    await page.click("#call")
    await expect(page.locator(".problem-title")).to_have_text("Microphone access is blocked")
    await expect(page.locator("#state-call dd")).to_have_text("Idle")
    await expect(page.locator("#text")).to_be_enabled()
    await context.close()
    assert faults == []


async def test_an_insecure_address_is_told_in_words(
    context: BrowserContext, gateway: PageGateway, faults: list[str]
) -> None:
    page = await open_page(context, gateway.url.replace("127.0.0.1", INSECURE_HOST), faults)
    await page.click("#call")
    await expect(page.locator(".problem-title")).to_have_text(
        "This page may not use your microphone"
    )
    assert faults == []


async def test_a_dropped_connection_is_resumed_and_the_call_goes_on(
    page: Page, gateway: PageGateway
) -> None:
    await call(page, gateway)
    peer = gateway.peer
    assert peer
    for count in (2, 3):
        gateway.drop_connections()
        joined = await gateway.wait_for("join_session", count)
        assert joined == {"sessionId": "sess_1", "resumeToken": f"resume_{count - 1}"}
        await expect(page.locator("#state-session dd")).to_have_text("Connected")
    await page.fill("#text", "still there?")
    await page.press("#text", "Enter")
    await gateway.wait_for("send_text")
    await expect(page.locator("#problem")).to_be_hidden()
    assert peer.state == "connected"
    assert len(gateway.requested("webrtc_offer")) == 1


async def test_a_call_without_a_path_restarts_ice_when_the_session_resumes(
    page: Page, gateway: PageGateway
) -> None:
    gateway.deaf = True
    await page.click("#call")
    await gateway.wait_for("webrtc_offer")
    await expect(page.locator("#call")).to_have_attribute("data-action", "cancel")
    await gateway.wait_for_last_candidate()
    gateway.deaf = False
    gateway.drop_connections()
    again = await gateway.wait_for("webrtc_offer", 2)
    await expect(page.locator("#state-ice dd")).to_have_text("Connected")
    assert _ice_ufrag(again) != _ice_ufrag(gateway.requested("webrtc_offer")[0])


async def test_a_device_that_is_back_on_the_network_restarts_ice_at_once(
    page: Page, gateway: PageGateway
) -> None:
    await call(page, gateway)
    peer = gateway.peer
    assert peer
    await peer.hears_speech()
    await page.evaluate("() => dispatchEvent(new Event('online'))")
    again = await gateway.wait_for("webrtc_offer", 2)
    assert _ice_ufrag(again) != _ice_ufrag(gateway.requested("webrtc_offer")[0])
    await expect(page.locator("#state-call dd")).to_have_text("Connected")


async def test_an_unanswered_restart_makes_the_connection_anew(
    page: Page, gateway: PageGateway
) -> None:
    await call(page, gateway)
    gateway.answering.clear()
    await page.evaluate("() => dispatchEvent(new Event('online'))")
    await gateway.wait_for("webrtc_offer", 2)
    assert len(gateway.requested("join_session")) == 1
    await gateway.wait_for("join_session", 2)
    gateway.answering.set()
    await gateway.wait_for("webrtc_offer", 3)
    await expect(page.locator("#state-session dd")).to_have_text("Connected")
    await expect(page.locator("#state-call dd")).to_have_text("Connected")
    await expect(page.locator("#problem")).to_be_hidden()
    assert len(gateway.requested("join_session")) == 2


async def test_the_network_is_watched_as_far_as_the_browser_tells(evaluate: Evaluate) -> None:
    told = await evaluate(
        """async () => {
            const connection = Object.assign(new EventTarget(), { type: 'wifi' });
            Object.defineProperty(navigator, 'connection', { value: connection });
            const { watchNetwork } = await import('/client/lib/network.js');
            const told = [];
            let count = 0;
            const stop = watchNetwork(() => (count += 1));
            const becomes = (type) => {
                connection.type = type;
                connection.dispatchEvent(new Event('change'));
                told.push(count);
            };
            ['wifi', 'none', 'cellular', 'cellular'].forEach(becomes);
            dispatchEvent(new Event('online'));
            told.push(count);
            stop();
            dispatchEvent(new Event('online'));
            becomes('wifi');
            return told;
        }""",
        None,
    )
    # The same, none, another, a new estimate of its speed, back on line; then nobody watches.
    assert told == [0, 0, 1, 1, 2, 2]


async def test_a_session_that_cannot_be_resumed_now_is_asked_for_again(
    page: Page, gateway: PageGateway
) -> None:
    await call(page, gateway)
    gateway.refusals["join_session"] = ("upstream_unavailable", "the other gateway is away")
    gateway.drop_connections()
    await gateway.wait_for("join_session", 3)
    del gateway.refusals["join_session"]
    joined = await gateway.wait_for("join_session", 4)
    assert joined == {"sessionId": "sess_1", "resumeToken": "resume_1"}
    await expect(page.locator("#state-session dd")).to_have_text("Connected")
    await expect(page.locator("#state-call dd")).to_have_text("Connected")
    assert len(gateway.requested("webrtc_offer")) == 1


async def test_a_session_that_cannot_be_resumed_ends_the_call(
    page: Page, gateway: PageGateway
) -> None:
    await call(page, gateway)
    gateway.refusals["join_session"] = ("session_expired", "there is no such session to resume")
    gateway.drop_connections()
    await expect(page.locator(".problem-title")).to_have_text("The session has expired")
    await expect(page.locator("#state-call dd")).to_have_text("Idle")
    await expect(page.locator("#state-session")).to_contain_text("Not connected")


def _ice_ufrag(offer: dict[str, str]) -> str:
    return next(line for line in offer["sdp"].splitlines() if line.startswith("a=ice-ufrag:"))
