"""What the page has beside talking: codecs, keys, recordings, graphs, downloads, languages."""

import asyncio
import io
import json
import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page, expect

from tests.client.tones import tone
from tests.client.web.page_gateway import PATIENCE, PageGateway
from tests.client.web.screen import Evaluate, call, connect
from tests.client.web.test_call_devices import codecs
from tests.client.web.test_pcm_call import speak

pytestmark = pytest.mark.asyncio(loop_scope="package")

RATE = 24_000


def frequency(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


async def saved(page: Page, button: str) -> bytes:
    """The file that a button makes."""
    async with page.expect_download() as downloading:
        await page.click(button)
    return await asyncio.to_thread(Path(await (await downloading.value).path()).read_bytes)


def stereo(wav: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples.reshape(-1, 2).astype(float)


async def test_a_codec_is_chosen_before_the_call_and_in_it(
    page: Page, gateway: PageGateway
) -> None:
    await page.click("#audio-setup > summary")
    await page.select_option("#codec", "PCMU")
    await page.click("#audio-setup > summary")
    await call(page, gateway)
    assert codecs(gateway.requested("webrtc_offer")[0]) == {"PCMU"}
    await expect(page.locator("#audio-value")).to_have_text("WebRTC, PCMU")

    gateway.refusals["webrtc_offer"] = ("negotiation_failed", "no codec in common")
    await page.select_option("#codec", "G722")
    await expect(page.locator(".problem-title")).to_have_text("The call could not be set up")
    await expect(page.locator("#codec")).to_have_value("PCMU")
    gateway.refusals.clear()
    await page.select_option("#codec", "PCMA")
    await expect(page.locator("#audio-value")).to_have_text("WebRTC, PCMA")

    await page.reload()
    await expect(page.locator("#codec")).to_have_value("PCMA")


async def test_a_call_by_pcm_and_what_it_was_made_of_can_be_saved(
    page: Page, gateway: PageGateway
) -> None:
    await page.click("#audio-setup > summary")
    await page.select_option("#transport", "pcm")
    await expect(page.locator("#codec")).to_be_hidden()
    await page.click("#audio-setup > summary")
    await call(page, gateway)
    await gateway.wait_for("send_audio", 30)
    await speak(gateway, tone(1.5, RATE, hertz=1_000))
    await expect(page.locator("#audio-value")).to_have_text("PCM over Socket.IO")
    await gateway.wait_for("send_audio", 60)
    assert gateway.requested("webrtc_offer") == []

    await page.click("#save > summary")
    both = stereo(await saved(page, "#save-audio"))
    assert len(both) > 2 * RATE
    caller, agent = both[RATE // 2 :].T
    assert frequency(caller) == pytest.approx(400, abs=4)
    loud = agent[np.abs(agent) > 1_000]
    assert len(loud) > RATE // 2
    assert frequency(agent) == pytest.approx(1_000, abs=4)


async def test_a_webrtc_call_is_recorded_both_ways(page: Page, gateway: PageGateway) -> None:
    await call(page, gateway)
    assert gateway.peer
    await gateway.peer.hears_speech()
    await expect(page.locator("#phase")).to_have_text("Agent is speaking")
    await page.wait_for_timeout(1_200)  # Of sound; there is no sign of how much was recorded.
    await page.click("#call")
    await page.click("#save > summary")
    caller, agent = stereo(await saved(page, "#save-audio"))[-RATE:].T
    assert frequency(caller) == pytest.approx(400, abs=5)
    assert frequency(agent) == pytest.approx(440, abs=5)


async def test_the_transcript_is_saved_for_people_and_for_programs(
    page: Page, gateway: PageGateway
) -> None:
    await connect(page, gateway)
    line = {"type": "audio", "timestamp": 1_760_000_000_000}
    await gateway.emit("message", {**line, "id": "u1", "role": "user", "content": "Hello?"})
    cut = {"interrupted": True, "audioEndMs": 1_200}
    await gateway.emit(
        "message", {**line, "id": "a1", "role": "assistant", "content": "It is", "data": cut}
    )
    await expect(page.locator("#log .line")).to_have_count(2)
    await page.click("#save > summary")
    first, second = (await saved(page, "#save-text")).decode().splitlines()
    await page.click("#save > summary")
    lines = json.loads(await saved(page, "#save-json"))
    assert first.endswith("You: Hello?")
    assert second.endswith("Agent: It is (Interrupted)")
    assert [(e["role"], e["text"]) for e in lines] == [
        *(("user", "Hello?"), ("assistant", "It is")),
    ]
    assert lines[1]["audioEndMs"] == 1_200
    await page.click("#save > summary")
    await expect(page.locator("#save-audio")).to_be_disabled()
    await page.keyboard.press("Escape")
    await expect(page.locator("#save-text")).to_be_hidden()


async def test_keys_of_a_telephone(page: Page, gateway: PageGateway) -> None:
    await page.click("#keypad-setup > summary")
    await expect(page.locator("#keypad button").first).to_be_disabled()
    await connect(page, gateway)
    for key in "5#":
        await page.click(f"#keypad [data-key='{key}']")
    assert await gateway.wait_for("send_dtmf", 2) == "#"
    assert gateway.requested("send_dtmf") == ["5", "#"]
    assert await page.get_attribute("#keypad [data-key='#']", "aria-label") == "Key pound"


async def test_a_recording_is_sent_and_what_it_was_taken_for_is_told(
    page: Page, gateway: PageGateway, tmp_path: Path
) -> None:
    await connect(page, gateway)
    await page.click("#upload-setup > summary")
    await expect(page.locator("#upload-send")).to_be_disabled()
    recording = tmp_path / "hello.flac"
    recording.write_bytes(b"fLaC....")
    understood = {"format": "flac", "sampleRate": 44_100, "channels": 2, "durationMs": 1_500}
    gateway.understood = understood
    await page.set_input_files("#file", recording)
    await page.select_option("#format", "flac")
    await page.click("#upload-send")
    await gateway.wait_for("commit_audio")
    assert gateway.requested("send_audio") == [b"fLaC...."]
    assert gateway.formats == ["flac"]
    await expect(page.locator("#upload-told")).to_have_text(
        "Understood: flac, 44100 Hz, 2 channel(s), 1.5 s"
    )

    gateway.refusals["send_audio"] = ("unsupported_format", "this flac cannot be decoded")
    await page.set_input_files("#file", recording)
    await page.click("#upload-send")
    await expect(page.locator(".problem-title")).to_have_text(
        "The gateway does not understand this audio format"
    )
    assert len(gateway.requested("commit_audio")) == 1


async def test_an_event_is_found_and_opened(page: Page, gateway: PageGateway) -> None:
    await connect(page, gateway)
    await page.click("#events > summary")
    await gateway.realtime("response.created", response={"id": "resp_1"})
    await gateway.realtime("rate_limits.updated", limits=[{"name": "tokens"}])
    rows = page.locator("#event-list > li")
    await expect(rows.last).to_contain_text("rate_limits.updated")
    await page.fill("#event-filter", "RESP_1")
    await expect(rows).to_have_count(1)
    await expect(page.locator("#event-count")).to_have_text("1 / 3")
    await rows.first.locator("summary").press("Enter")
    await expect(rows.first.locator("pre")).to_contain_text('"id": "resp_1"')
    await page.fill("#event-filter", "")
    await page.click("#clear-events")
    await expect(rows).to_have_count(0)


async def test_quality_is_drawn_and_read_out(page: Page, gateway: PageGateway) -> None:
    await call(page, gateway)
    for rtt in (20, 60, 40):
        await gateway.emit("call_stats", {"rttMs": rtt, "concealedPercent": 1.25})
    await expect(page.locator("#stat-rttMs")).to_have_text("40 ms")
    graph = page.locator("#stats div", has=page.locator("#stat-rttMs")).locator("svg")
    await expect(graph).to_have_attribute(
        "aria-label", "Round trip: 40 ms; in the last minute 20 ms to 60 ms"
    )
    points = [
        p.split(",") for p in (await graph.locator("polyline").get_attribute("points")).split()
    ]
    heights = [float(y) for _, y in points]
    assert len(points) == 3
    assert heights[1] < heights[2] < heights[0], "higher is worse"
    await expect(page.locator("#stat-concealedPercent")).to_have_text("1.3 %")
    await expect(page.locator("#stat-jitterMs")).to_have_text("–")


async def test_agents_and_voice_change_in_mid_session(page: Page, gateway: PageGateway) -> None:
    await connect(page, gateway)
    await page.click("#gateway-setup > summary")
    await page.click(".more summary")
    await expect(page.locator("#url")).to_be_disabled()
    await page.fill("#voice", "cedar")
    await page.fill("#agent-set", "retail")
    await page.click("#apply")
    assert await gateway.wait_for("update_session") == {"agentSet": "retail", "voice": "cedar"}
    await expect(page.locator("#applied")).to_have_text("The session was changed.")


async def test_keys_work_where_nobody_writes(page: Page, gateway: PageGateway) -> None:
    await call(page, gateway)
    await page.keyboard.press("m")
    assert await gateway.wait_for("mute") is True
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("Escape")
    await gateway.wait_for("interrupt")
    await page.click("#text")
    await page.keyboard.type("m")
    await expect(page.locator("#text")).to_have_value("m")
    assert gateway.requested("mute") == [True]


async def test_the_end_of_a_session_is_announced_and_taken_back(
    page: Page, gateway: PageGateway
) -> None:
    await connect(page, gateway)
    notice = page.locator("#notice")
    await expect(notice).to_be_hidden()
    reason = "nobody spoke for a while"
    await gateway.status("CONNECTED", reason=reason, endsInMs=29_500)
    await expect(notice).to_have_text(f"The session ends in 30 s: {reason}.")
    await expect(notice).to_have_text(f"The session ends in 29 s: {reason}.")
    await gateway.status("CONNECTED")
    await expect(notice).to_be_hidden()


async def test_another_language_at_once_and_the_next_time(page: Page, gateway: PageGateway) -> None:
    await connect(page, gateway)
    await gateway.emit("error", {"code": "capacity", "message": "no more"})
    await page.select_option("#language", "ko")
    await expect(page.locator("html")).to_have_attribute("lang", "ko")
    await expect(page.locator("#state-session dd")).to_have_text("연결됨")
    await expect(page.locator(".problem-title")).to_have_text("모든 회선이 통화 중입니다")
    await expect(page.locator("#call .caption")).to_have_text("전화 걸기")
    await gateway.status("CONNECTED", reason="nobody spoke for a while", endsInMs=20_000)
    await expect(page.locator("#notice")).to_contain_text("한동안 아무도 말하지 않았습니다")
    await page.reload()
    await expect(page.locator("#connect")).to_have_text("연결")


async def test_both_languages_have_every_word(evaluate: Evaluate) -> None:
    tables = await evaluate(
        """async () => {
            const blanks = (text) => (text.match(/\\{\\w+\\}/g) ?? []).sort();
            const keys = (table, path = '') => Object.entries(table).flatMap(([key, value]) =>
                typeof value === 'string' ? [`${path}${key}: ${blanks(value)}`]
                : Array.isArray(value) ? [`${path}${key}: ${value.length}`]
                : keys(value, `${path}${key}.`));
            const [en, ko] = await Promise.all(
                ['en', 'ko'].map((name) => import(`/client/page/strings_${name}.js`)));
            return [en, ko].map(({ text, problems }) => [...keys(text), ...keys(problems)].sort());
        }""",
        None,
    )
    assert tables[0] == tables[1]


async def test_sound_that_the_browser_blocks_can_be_turned_on(
    page: Page, gateway: PageGateway
) -> None:
    await page.evaluate(
        """() => {
            const play = HTMLMediaElement.prototype.play;
            let blocked = true;
            HTMLMediaElement.prototype.play = function () {
                if (!blocked) return play.call(this);
                blocked = false;
                return Promise.reject(new DOMException('', 'NotAllowedError'));
            };
        }"""
    )
    await call(page, gateway)
    await expect(page.locator(".problem-title")).to_have_text(
        "The browser blocks sound on this page"
    )
    await page.click(".problem-action")
    await expect(page.locator("#problem")).to_be_hidden()
    await page.wait_for_function(
        "() => !document.getElementById('agent-audio').paused", timeout=PATIENCE * 1000
    )


@pytest.mark.parametrize("width", [360, 390, 861, 1280])
async def test_nothing_is_wider_than_the_window(
    page: Page, gateway: PageGateway, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    await connect(page, gateway)
    for part in ("gateway-setup", "audio-setup", "keypad-setup", "upload-setup", "events"):
        await page.evaluate("(part) => { document.getElementById(part).open = true; }", part)
    assert await page.evaluate("() => document.documentElement.scrollWidth") == width


async def test_every_control_has_a_name_and_can_be_reached_by_keys(
    page: Page, gateway: PageGateway
) -> None:
    await connect(page, gateway)
    nameless = await page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, summary')]
            .filter((control) => !(control.hidden || control.textContent.trim() || control.ariaLabel
                || control.labels?.[0]?.textContent.trim()))
            .map((control) => control.outerHTML)"""
    )
    assert nameless == []
    unreachable = await page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, summary')]
            .filter((control) => control.tabIndex < 0).map((control) => control.outerHTML)"""
    )
    assert unreachable == []
