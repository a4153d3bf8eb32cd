"""The page and the browser library under it, in Chromium, with the gateway played by the test."""

import asyncio
import os
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.client.page_gateway import PATIENCE, PageGateway
from tests.client.tones import tone

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLE_RATE = 48_000
LOUD_DBFS = -30.0
SILENT_DBFS = -60.0
INSECURE_HOST = "talkpath.test"

expect.set_options(timeout=PATIENCE * 1000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    microphone = tmp_path_factory.mktemp("microphone") / "tone.wav"
    _write_wav(microphone)
    arguments = [
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
        "--allow-loopback-in-peer-connection",
        f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=arguments
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def gateway() -> AsyncIterator[PageGateway]:
    played = PageGateway()
    await played.start()
    yield played
    await played.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser, gateway: PageGateway) -> AsyncIterator[BrowserContext]:
    # After the gateway, so that its clients are gone when it stops.
    made = await browser.new_context(permissions=["microphone"])
    yield made
    await made.close()


@pytest.fixture
def faults() -> list[str]:
    """What the browser complained about; a test that provokes complaints clears it."""
    return []


@pytest_asyncio.fixture(loop_scope="module")
async def page(
    context: BrowserContext, gateway: PageGateway, faults: list[str]
) -> AsyncIterator[Page]:
    opened = await _open(context, gateway.url, faults)
    yield opened
    assert faults == []


async def test_joining_says_who_calls_and_shows_where_things_stand(
    page: Page, gateway: PageGateway
) -> None:
    await expect(page.locator("#state-session")).to_contain_text("Not connected")
    await page.fill("#user-id", "alice")
    await page.click(".more summary")
    await page.fill("#token", "secret")
    await page.fill("#voice", "marin")
    await page.click("#connect")
    await expect(page.locator("#state-session dd")).to_have_text("Connected")
    assert gateway.tokens == ["secret"]
    assert gateway.requested("join_session") == [{"userId": "alice", "voice": "marin"}]
    await _model_connected(gateway)
    await expect(page.locator("#state-model dd")).to_have_text("Connected")

    await page.fill("#text", "What time is it?")
    await page.press("#text", "Enter")
    assert await gateway.wait_for("send_text") == "What time is it?"
    await expect(page.locator("#text")).to_have_value("")
    await page.click("#interrupt")
    await gateway.wait_for("interrupt")

    await page.click("#gateway-setup > summary")
    await page.click("#connect")
    await gateway.wait_for("disconnect_session")
    await expect(page.locator("#state-session")).to_contain_text("Not connected")
    await expect(page.locator("#problem")).to_be_hidden()
    await page.reload()
    await expect(page.locator("#user-id")).to_have_value("alice")
    await expect(page.locator("#token")).to_have_value("")


async def test_goodbye_of_the_gateway_is_no_failure(page: Page, gateway: PageGateway) -> None:
    await _connect(page, gateway)
    gateway.farewell = "the client left"
    await page.click("#gateway-setup > summary")
    await page.click("#connect")
    await expect(page.locator("#state-session")).to_contain_text("Not connected")
    await expect(page.locator("#problem")).to_be_hidden()


async def test_lines_stand_in_conversation_order_and_are_replaced_when_final(
    page: Page, gateway: PageGateway
) -> None:
    await _connect(page, gateway)
    lines, texts = page.locator("#log .line"), page.locator("#log .text")
    await _item(gateway, "u1", "user", None)
    await _item(gateway, "a1", "assistant", "u1")
    # The answer begins before the question is recognised.
    await _delta(gateway, "a1", "assistant", "It is ")
    await _delta(gateway, "a1", "assistant", "noon")
    await _delta(gateway, "u1", "user", "what time")
    await expect(texts).to_have_text(["what time", "It is noon"])
    await expect(lines.nth(1)).to_have_attribute("aria-busy", "true")
    await _message(gateway, "u1", "user", "What time is it?")
    await _message(gateway, "a1", "assistant", "It is noon.")
    await expect(texts).to_have_text(["What time is it?", "It is noon."])
    await expect(lines.nth(0)).to_have_class("line user speech")
    await expect(lines.nth(1)).to_have_attribute("aria-busy", "false")
    # What arrives late was already said.
    await _delta(gateway, "a1", "assistant", " again")
    await _message(gateway, "n1", "assistant", "Recording is on", type="system")
    await expect(texts).to_have_text(["What time is it?", "It is noon.", "Recording is on"])


async def test_a_cut_answer_ends_where_it_was_cut(page: Page, gateway: PageGateway) -> None:
    await _connect(page, gateway)
    await _item(gateway, "a1", "assistant", None)
    await _delta(gateway, "a1", "assistant", "Once upon a time there was a king who")
    await gateway.emit("audio_interrupted", {"itemId": "a1", "audioEndMs": 2340})
    mark = page.locator("#log .line .cut")
    await expect(mark).to_have_text("Interrupted after 2.3 s")
    await _delta(gateway, "a1", "assistant", " never came")
    cut = {"interrupted": True, "audioEndMs": 2400}
    await _message(gateway, "a1", "assistant", "Once upon a time", data=cut)
    await expect(page.locator("#log .text")).to_have_text("Once upon a time")
    await expect(mark).to_have_text("Interrupted after 2.4 s")


async def test_nothing_that_comes_in_is_markup(page: Page, gateway: PageGateway) -> None:
    markup = '<img src="/no" onerror="window.pwned = 1"><b>bold</b>'
    gateway.session_id = markup
    await page.click("#events > summary")
    await _connect(page, gateway)
    await _delta(gateway, "a1", "assistant", markup)
    await _message(gateway, "u1", "user", markup)
    await gateway.emit("error", {"code": "internal", "message": markup})
    await expect(page.locator("#log .text")).to_have_text([markup, markup])
    await expect(page.locator("#problem")).to_contain_text(markup)
    await expect(page.locator("#session-id")).to_contain_text(markup)
    await expect(page.locator("#event-list")).to_contain_text("bold")
    assert await page.locator("main :is(img, b:not(#event-list b)), #problem :is(img, b)").count() == 0
    assert await page.evaluate("() => window.pwned") is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("capacity", "All lines are busy"),
        ("upstream_unavailable", "The speech model cannot be reached"),
    ],
)
async def test_a_refused_join_is_told_in_words(
    page: Page, gateway: PageGateway, code: str, words: str
) -> None:
    gateway.refusals["join_session"] = (code, "because of that")
    await page.click("#connect")
    await expect(page.locator(".problem-title")).to_have_text(words)
    await expect(page.locator(".problem-detail")).to_have_text(f"{code}: because of that")
    await expect(page.locator("#state-session")).to_contain_text("Not connected")
    del gateway.refusals["join_session"]
    await page.click("#connect")
    await expect(page.locator("#problem")).to_be_hidden()


async def test_a_refused_connection_is_told_in_words(page: Page, gateway: PageGateway) -> None:
    gateway.closed_door = "unauthorized"
    await page.click("#connect")
    await expect(page.locator(".problem-title")).to_have_text("The gateway did not let you in")


async def test_an_unreachable_gateway_is_told_in_words(page: Page, faults: list[str]) -> None:
    await page.fill("#url", "localhost:9")
    await page.click("#connect")
    await expect(page.locator(".problem-title")).to_have_text("The gateway cannot be reached")
    await expect(page.locator("#connect")).to_have_text("Connect")
    await page.fill("#url", "mailto://nobody")
    await page.click("#connect")
    await expect(page.locator(".problem-title")).to_have_text("This is not a gateway address")
    faults.clear()


async def test_a_lost_model_is_told_until_it_is_back(page: Page, gateway: PageGateway) -> None:
    await _connect(page, gateway)
    await gateway.status("CONNECTING")
    await gateway.emit("error", {"code": "upstream_unavailable", "message": "trying again"})
    await expect(page.locator("#problem")).to_contain_text("The speech model cannot be reached")
    await expect(page.locator("#state-model dd")).to_have_text("Connecting")
    await _model_connected(gateway)
    await expect(page.locator("#problem")).to_be_hidden()


async def test_the_cause_of_an_ended_session_is_not_hidden_by_its_end(
    page: Page, gateway: PageGateway
) -> None:
    await _connect(page, gateway)
    await gateway.emit("error", {"code": "session_expired", "message": "nobody spoke"})
    await gateway.status("DISCONNECTED", reason="nobody spoke")
    await expect(page.locator("#state-session")).to_contain_text("Not connected")
    await expect(page.locator(".problem-title")).to_have_text("The session has expired")
    await expect(page.locator("#text")).to_be_disabled()


async def test_every_code_of_the_contract_has_its_own_words(page: Page) -> None:
    codes = (
        "bad_request no_session unauthorized capacity rate_limited too_large unsupported_format "
        "negotiation_failed upstream_unavailable upstream_error session_expired internal"
    ).split()
    titles = await page.evaluate(
        """async (codes) => {
            const { problemText } = await import('/client/page/strings.js');
            return codes.map((code) => problemText(code).title);
        }""",
        codes,
    )
    assert len(set(titles)) == len(codes)


async def test_a_call_carries_sound_both_ways(page: Page, gateway: PageGateway) -> None:
    await _call(page, gateway)
    peer = gateway.peer
    assert peer
    await _until(lambda: peer.heard_dbfs > LOUD_DBFS)
    await expect(page.locator("#phase")).to_have_text("Agent is speaking")
    await expect(page.locator("#level-agent")).to_have_attribute("aria-valuetext", "-9 dB")
    assert await gateway.wait_for("ice_candidate") is not None
    await _until(lambda: gateway.requested("ice_candidate")[-1] is None)
    for candidate in gateway.requested("ice_candidate")[:-1]:
        assert candidate.keys() == {"candidate", "sdpMid", "sdpMLineIndex"}

    await gateway.emit("call_stats", {"rttMs": 12.3, "lossPercent": 0.25, "turnLatencyMs": 612})
    await expect(page.locator("#stats dd")).to_have_text(["612 ms", "12 ms", "–", "0.3 %"])

    await page.click("#mute")
    assert await gateway.wait_for("mute") is True
    await _until(lambda: peer.heard_dbfs < SILENT_DBFS)
    await page.click("#mute")
    assert await gateway.wait_for("mute", 2) is False
    await _until(lambda: peer.heard_dbfs > LOUD_DBFS)

    microphones = page.locator("#microphone option")
    await page.select_option("#microphone", await microphones.nth(1).get_attribute("value"))
    await _until(lambda: peer.heard_dbfs > LOUD_DBFS)

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
    await _call(page, gateway)
    assert gateway.requested("update_session") == [{"turnDetection": None}]
    peer = gateway.peer
    assert peer
    await expect(page.locator("#mute")).to_be_disabled()
    await expect(page.locator("#phase")).to_have_text("Agent is speaking")
    await _until(lambda: peer.heard_dbfs < SILENT_DBFS)
    before = len(gateway.names)

    await page.keyboard.down("Space")
    await expect(page.locator("#phase")).to_have_text("You are speaking")
    await _until(lambda: peer.heard_dbfs > LOUD_DBFS)
    await page.keyboard.up("Space")
    await gateway.wait_for("commit_audio")
    await _until(lambda: peer.heard_dbfs < SILENT_DBFS)
    assert gateway.names[before:] == ["clear_audio", "interrupt", "commit_audio"]

    # With a silent agent there is nothing to interrupt.
    peer.tone.loud = False
    await expect(page.locator("#phase")).to_have_text("Hold the button to talk")
    await page.hover("#talk")
    await page.mouse.down()
    await _until(lambda: peer.heard_dbfs > LOUD_DBFS)
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
    assert gateway.names[before + 5 :] == ["clear_audio", "commit_audio"]

    await page.click("#text")
    await page.keyboard.type("a b")
    await expect(page.locator("#text")).to_have_value("a b")
    await page.locator("[value=hands-free]").check(force=True)
    assert await gateway.wait_for("update_session", 2) == {"turnDetection": "server_vad"}
    await _until(lambda: peer.heard_dbfs > LOUD_DBFS)
    assert len(gateway.requested("clear_audio")) == 3


async def test_a_blocked_microphone_is_told_in_words(
    browser: Browser, gateway: PageGateway, faults: list[str]
) -> None:
    context = await browser.new_context()
    page = await _open(context, gateway.url, faults)
    await page.click("#call")
    await expect(page.locator(".problem-title")).to_have_text("Microphone access is blocked")
    await expect(page.locator("#state-call dd")).to_have_text("Idle")
    await expect(page.locator("#text")).to_be_enabled()
    await context.close()
    assert faults == []


async def test_an_insecure_address_is_told_in_words(
    context: BrowserContext, gateway: PageGateway, faults: list[str]
) -> None:
    page = await _open(context, gateway.url.replace("127.0.0.1", INSECURE_HOST), faults)
    await page.click("#call")
    await expect(page.locator(".problem-title")).to_have_text(
        "This page may not use your microphone"
    )
    assert faults == []


async def test_a_dropped_connection_is_resumed_and_the_call_goes_on(
    page: Page, gateway: PageGateway
) -> None:
    await _call(page, gateway)
    peer = gateway.peer
    assert peer
    for count in (2, 3):
        await gateway.drop_connections()
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
    await _until(lambda: gateway.requested("ice_candidate")[-1:] == [None])
    gateway.deaf = False
    await gateway.drop_connections()
    again = await gateway.wait_for("webrtc_offer", 2)
    await expect(page.locator("#state-ice dd")).to_have_text("Connected")
    assert _ice_ufrag(again) != _ice_ufrag(gateway.requested("webrtc_offer")[0])


async def test_a_session_that_cannot_be_resumed_ends_the_call(
    page: Page, gateway: PageGateway
) -> None:
    await _call(page, gateway)
    gateway.refusals["join_session"] = ("session_expired", "there is no such session to resume")
    await gateway.drop_connections()
    await expect(page.locator(".problem-title")).to_have_text("The session has expired")
    await expect(page.locator("#state-call dd")).to_have_text("Idle")
    await expect(page.locator("#state-session")).to_contain_text("Not connected")


def _added(item_id: str, role: str, previous: str | None) -> list[Any]:
    item = {"id": item_id, "type": "message", "role": role}
    event = {"type": "conversation.item.added", "item": item, "previous_item_id": previous}
    return ["observe", event]


def _spoken(item_id: str, role: str, text: str) -> list[Any]:
    return ["delta", {"itemId": item_id, "role": role, "delta": text}]


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        pytest.param(
            [
                _spoken("a1", "assistant", "answer"),
                _spoken("u1", "user", "question"),
                _added("u1", "user", None),
                _added("a1", "assistant", "u1"),
            ],
            ["question", "answer"],
            id="placed after their text began",
        ),
        pytest.param(
            [
                _added("u1", "user", None),
                ["observe", {"type": "conversation.item.added", "item": {"id": "f1"}}],
                _added("a1", "assistant", "f1"),
                _added("u2", "user", "u1"),
            ],
            ["u1", "u2", "a1"],
            id="a function call keeps its place unseen",
        ),
        pytest.param(
            [
                _spoken("a1", "assistant", "never heard"),
                ["interrupted", {"itemId": "a1", "audioEndMs": 0}],
            ],
            [],
            id="cut before anything was heard",
        ),
        pytest.param(
            [
                _spoken("a1", "assistant", "text ahead of its voice"),
                ["observe", {"type": "response.done", "response": {"status": "cancelled"}}],
            ],
            [],
            id="cancelled before its voice began",
        ),
        pytest.param(
            [
                _added("u1", "user", None),
                ["observe", {"type": "conversation.item.deleted", "item_id": "u1"}],
            ],
            [],
            id="deleted",
        ),
        pytest.param(
            [
                _added("u1", "user", None),
                [
                    "observe",
                    {
                        "type": "conversation.item.input_audio_transcription.completed",
                        "item_id": "u1",
                        "transcript": " ",
                    },
                ],
            ],
            ["?"],
            id="not understood",
        ),
    ],
)
async def test_the_transcript_whatever_order_its_events_take(
    page: Page, steps: list[Any], lines: list[str]
) -> None:
    shown = await page.evaluate(
        """async (steps) => {
            const { Transcript } = await import('/client/page/transcript.js');
            const transcript = new Transcript(() => {});
            for (const [feed, event] of steps) transcript[feed](event);
            return transcript.lines.map(({ id, text, unclear }) => (unclear ? '?' : text || id));
        }""",
        steps,
    )
    assert shown == lines


async def _open(context: BrowserContext, url: str, faults: list[str]) -> Page:
    page = await context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    await page.goto(url)
    await expect(page.locator("#connect")).to_have_text("Connect")
    return page


async def _connect(page: Page, gateway: PageGateway) -> None:
    await page.click("#connect")
    await expect(page.locator("#text")).to_be_enabled()
    await _model_connected(gateway)


async def _call(page: Page, gateway: PageGateway) -> None:
    """A call from a microphone whose sound reaches the gateway as it is."""
    await page.click("#audio-setup > summary")
    await page.uncheck("#processing")
    await page.click("#call")
    await expect(page.locator("#state-call dd")).to_have_text("Connected")
    await _model_connected(gateway)


async def _model_connected(gateway: PageGateway) -> None:
    await gateway.status("CONNECTED")


async def _item(gateway: PageGateway, item_id: str, role: str, previous: str | None) -> None:
    item = {"id": item_id, "type": "message", "role": role, "content": []}
    await gateway.realtime("conversation.item.added", item=item, previous_item_id=previous)


async def _delta(gateway: PageGateway, item_id: str, role: str, delta: str) -> None:
    await gateway.emit("transcript_delta", {"itemId": item_id, "role": role, "delta": delta})


async def _message(
    gateway: PageGateway, item_id: str, role: str, content: str, type: str = "audio", **more: Any
) -> None:
    line = {"id": item_id, "type": type, "role": role, "content": content, **more}
    await gateway.emit("message", {**line, "timestamp": 1_760_000_000_000})
    await gateway.emit("transcript", content, role)


async def _until(reached: Callable[[], bool]) -> None:
    """Waits for something the media path brings about, which no event announces."""
    async with asyncio.timeout(PATIENCE):
        while not reached():
            await asyncio.sleep(0.01)


def _ice_ufrag(offer: dict[str, str]) -> str:
    return next(line for line in offer["sdp"].splitlines() if line.startswith("a=ice-ufrag:"))


def _write_wav(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(tone(2.0, SAMPLE_RATE).tobytes())
