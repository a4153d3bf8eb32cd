"""What may change in a running WebRTC call: its microphone and its codec."""

import pytest
from playwright.async_api import Page

from tests.client.web.page_gateway import PATIENCE, PageGateway

pytestmark = pytest.mark.asyncio(loop_scope="package")

START = """async () => {
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...settings) {
            super(...settings);
            window.peer = this;
        }
    };
    const { Talkpath } = await import('/client/talkpath.js');
    const talkpath = new Talkpath();
    Object.assign(window, { talkpath, told: [] });
    for (const name of ['error', 'microphone_lost']) talkpath.on(name, () => told.push(name));
    await talkpath.connect();
    await talkpath.startCall({ processing: false });
}"""


def codecs(offer: dict[str, str]) -> set[str]:
    lines = offer["sdp"].splitlines()
    return {line.split()[1].split("/")[0] for line in lines if line.startswith("a=rtpmap:")}


async def test_an_unplugged_microphone_is_replaced(page: Page, gateway: PageGateway) -> None:
    await page.evaluate(START)
    assert gateway.peer
    await gateway.peer.hears_speech()
    await page.evaluate(
        """() => {
            const [track] = talkpath.microphoneStream.getAudioTracks();
            track.stop();
            track.dispatchEvent(new Event('ended'));
        }"""
    )
    await page.wait_for_function("() => told.length > 0", timeout=PATIENCE * 1000)
    await page.wait_for_function("() => talkpath.levels.microphone > -20")
    await gateway.peer.hears_speech()
    assert await page.evaluate("() => told") == ["microphone_lost"]
    assert len(gateway.requested("webrtc_offer")) == 1


async def test_the_codec_of_a_call_can_be_chosen_and_changed(
    page: Page, gateway: PageGateway
) -> None:
    await page.evaluate(START)
    first = gateway.peer
    assert first
    assert {"opus", "PCMU"} <= codecs(gateway.requested("webrtc_offer")[0])
    gateway.refusals["webrtc_offer"] = ("negotiation_failed", "no codec in common")
    refused = await page.evaluate("() => talkpath.setCodec('PCMA').catch(({ code }) => code)")
    assert refused == "negotiation_failed"
    assert codecs(gateway.requested("webrtc_offer")[1]) == {"PCMA"}
    await first.hears_speech()
    assert await page.evaluate("() => talkpath.callState") == "connected"
    assert await page.evaluate("() => peer.signalingState") == "stable"
    gateway.refusals.clear()
    assert await page.evaluate("() => talkpath.setCodec('x').catch(({ code }) => code)") == (
        "bad_codec"
    )

    await page.evaluate("async () => { await talkpath.hangUp(); await talkpath.setCodec('PCMU'); }")
    await page.evaluate("() => talkpath.startCall({ processing: false })")
    assert codecs(gateway.requested("webrtc_offer")[2]) == {"PCMU"}
    assert gateway.peer
    assert gateway.peer is not first
    await gateway.peer.hears_speech()
    await page.wait_for_function("() => talkpath.levels.agent > -20", timeout=PATIENCE * 1000)
