"""The page in a real Chromium, with human speech as its microphone, against a real gateway."""

from __future__ import annotations

import array
import asyncio
import contextlib
import math
import os
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page, expect

from tests.browser import chromium, microphone_file
from tests.gateways import running_gateway
from tests.speech import PROMPTS, prompt, read_wav, silence, word_error_rate
from tests.stand_in import StandIn

RATE = 48_000
LOUD = 10 ** (-40 / 20)
LISTENER = (Path(__file__).parent / "listener.js").read_text()
PICTURES = os.environ.get("TALKPATH_PICTURES")
"""Folder for the pictures of the documentation; set by hand when the page has changed."""

TURNS = ("conf-onlyperson", "vm-msgsaved", "queue-thankyou", "please-try-call-later")
PAUSES = (7.0, 7.0, 2.1, 8.0)
"""Seconds after each turn. The third is short: the caller talks over the answer that has begun."""


def write_microphone(path: Path, turns: tuple[str, ...], pauses: tuple[float, ...]) -> None:
    pieces = [silence(1.0, RATE)]
    for name, pause in zip(turns, pauses, strict=True):
        pieces += [read_wav(prompt(name), RATE), silence(pause, RATE)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.concatenate(pieces).astype("<i2").tobytes())


@contextlib.asynccontextmanager
async def page_of(url: str, microphone: Path) -> AsyncIterator[Page]:
    fake = ("--use-fake-ui-for-media-stream", *microphone_file(f"{microphone}%noloop"))
    async with chromium(*fake) as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": 800}, bypass_csp=True)
        await page.goto(url)
        yield page


async def place_call(page: Page) -> None:
    """Call with the microphone's sound as it is: processing changes levels by 20 dB."""
    await page.click("#audio-setup > summary")
    await page.uncheck("#processing")
    await page.click("#audio-setup > summary")
    await page.click("#call")
    await expect(page.locator("#state-call dd")).to_have_text("Connected", timeout=15_000)


async def take_pictures(page: Page, folder: Path) -> None:
    """The page as it is, dark, in Korean, and on a telephone."""
    await page.screenshot(path=folder / "page.png")
    await page.emulate_media(color_scheme="dark")
    await page.screenshot(path=folder / "page-dark.png")
    await page.emulate_media(color_scheme="light")
    await page.select_option("#language", "ko")
    await page.screenshot(path=folder / "page-korean.png")
    await page.select_option("#language", "en")
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.screenshot(path=folder / "page-phone.png")


@dataclass(frozen=True)
class Heard:
    """Levels (RMS, 0 to 1) of one direction, as the page's own clock places them."""

    times: list[float]
    levels: list[float]

    def talkspurts(self, quiet: float) -> list[tuple[float, float]]:
        """Begin and end of what is loud, over pauses shorter than ``quiet`` seconds."""
        spurts: list[tuple[float, float]] = []
        for time, level in zip(self.times, self.levels, strict=True):
            if level < LOUD:
                continue
            if spurts and time - spurts[-1][1] < quiet:
                spurts[-1] = (spurts[-1][0], time)
            else:
                spurts.append((time, time))
        return spurts


async def heard(page: Page, direction: str) -> Heard:
    measured = await page.evaluate(f"() => window.listener.levels.{direction}")
    return Heard([time for time, _ in measured], [level for _, level in measured])


async def lines(page: Page) -> list[dict[str, str]]:
    """The conversation as the page shows it."""
    shown: list[dict[str, str]] = await page.evaluate(
        """() => [...document.querySelectorAll('#log .line')].map((line) => ({
            role: line.classList.contains('user') ? 'user' : 'assistant',
            text: line.querySelector('.text').innerText }))"""
    )
    return shown


@pytest.mark.timeout(150)
async def test_a_spoken_conversation_through_the_page(tmp_path: Path) -> None:
    microphone = tmp_path / "microphone.wav"
    write_microphone(microphone, TURNS, PAUSES)
    # Agents without a supervisor to ask answer each turn by one line.
    async with (
        running_gateway(None, agent_set="haiku") as gateway,
        page_of(gateway.url, microphone) as page,
    ):
        await place_call(page)
        await page.evaluate(LISTENER)
        last_word = PROMPTS[TURNS[-1]].split()[-1].strip(".")
        await expect(page.locator("#log .line.user", has_text=last_word)).to_have_count(
            1, timeout=60_000
        )
        await expect(page.locator("#log .line.assistant")).to_have_count(4, timeout=20_000)
        await expect(page.locator("#phase")).to_contain_text("Listening", timeout=20_000)
        if PICTURES:
            await take_pictures(page, Path(PICTURES))
        caller, agent = await heard(page, "caller"), await heard(page, "agent")
        shown = await lines(page)

    said = " ".join(line["text"] for line in shown if line["role"] == "user")
    expected = " ".join(PROMPTS[name] for name in TURNS)
    assert word_error_rate(expected, said) <= 0.10, said
    assert [line["role"] for line in shown] == ["user", "assistant"] * 4
    answers = agent.talkspurts(quiet=1.5)
    assert len(answers) == 4
    assert max(agent.levels) > 10 ** (-25 / 20)

    barge_in = caller.talkspurts(quiet=0.5)[-1][0]
    cut = next(end for begin, end in answers if begin < barge_in < end + 0.5)
    assert cut - barge_in <= 0.4, "the answer goes on while the caller speaks"


def tone(seconds: float) -> bytes:
    samples = range(int(seconds * 24_000))
    return array.array("h", [int(8000 * math.sin(0.1 * n)) for n in samples]).tobytes()


@pytest.mark.alone
@pytest.mark.timeout(90)
async def test_an_answer_has_no_gaps_and_is_cut_where_the_page_heard_it_end(
    tmp_path: Path,
) -> None:
    microphone = tmp_path / "quiet.wav"
    write_microphone(microphone, (), ())
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        page_of(gateway.url, microphone) as page,
    ):
        await place_call(page)
        line = await model.line()
        await line.wait_for_audio(480)
        await page.evaluate(LISTENER)
        await line.question("Hello?")
        await line.answer("A tone for three seconds.", tone(3.0))
        await wait_quiet(page)
        await expect(page.locator("#log .line.assistant")).to_have_count(1)
        await line.question("Again?")
        await line.answer("A tone for eight seconds.", tone(8.0))
        await wait_loud(page, 2, 2.0)
        await line.speech_started("item_barge_in")
        truncated = await line.wait_for("conversation.item.truncate")
        await wait_quiet(page)
        agent = await heard(page, "agent")
        await expect(page.locator("#log .line.assistant")).to_have_count(2)

    # 60 ms: a hole any longer than that would part a talkspurt in two.
    whole, cut = agent.talkspurts(quiet=0.06)
    assert whole[1] - whole[0] == pytest.approx(3.0, abs=0.1)
    assert cut[1] - cut[0] == pytest.approx(truncated["audio_end_ms"] / 1000, abs=0.1)


async def wait_loud(page: Page, count: int, seconds: float) -> None:
    """Until the page has heard the agent's ``count``-th talkspurt for that long."""
    await _poll(
        page,
        lambda spurts, now: len(spurts) == count and spurts[-1][1] - spurts[-1][0] > seconds,
    )


async def wait_quiet(page: Page) -> None:
    """Until the page has heard the agent, and nothing of it for half a second."""
    await _poll(page, lambda spurts, now: bool(spurts) and now - spurts[-1][1] > 0.5)


async def _poll(page: Page, reached: object) -> None:
    assert callable(reached)
    async with asyncio.timeout(20):
        while True:
            agent = await heard(page, "agent")
            if agent.times and reached(agent.talkspurts(0.06), agent.times[-1]):
                return
            await asyncio.sleep(0.05)


@pytest.mark.timeout(60)
async def test_a_tab_killed_in_mid_call_ends_its_session(tmp_path: Path) -> None:
    microphone = tmp_path / "quiet.wav"
    write_microphone(microphone, (), ())
    async with (
        StandIn() as model,
        running_gateway(model.url, reconnect_grace=1.0) as gateway,
        page_of(gateway.url, microphone) as page,
    ):
        await place_call(page)
        line = await model.line()
        await line.wait_for_audio(480)
        await page.close(run_before_unload=False)
        async with asyncio.timeout(20):
            await line.socket.wait_closed()
        assert gateway.sessions is not None
        assert len(gateway.sessions) <= 1


@pytest.mark.alone
@pytest.mark.timeout(60)
@pytest.mark.parametrize(("transport", "codec"), [("pcm", ""), ("webrtc", "PCMU")])
async def test_a_call_by_other_means(tmp_path: Path, transport: str, codec: str) -> None:
    microphone = tmp_path / "microphone.wav"
    write_microphone(microphone, TURNS[:1], (20.0,))
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        page_of(gateway.url, microphone) as page,
    ):
        await page.click("#audio-setup > summary")
        await page.select_option("#transport", transport)
        if codec:
            await page.select_option("#codec", codec)
        await page.click("#audio-setup > summary")
        await place_call(page)
        await page.evaluate(LISTENER)
        line = await model.line()
        await line.wait_for_audio(3 * 24_000)
        said = np.frombuffer(bytes(line.audio), "<i2").astype(float)
        assert np.sqrt(np.mean(said**2)) > 300
        await line.question("Hello?")
        await line.answer("A tone for three seconds.", tone(3.0))
        await wait_quiet(page)
        agent = await heard(page, "agent")

    (spurt,) = agent.talkspurts(quiet=0.06)
    assert spurt[1] - spurt[0] == pytest.approx(3.0, abs=0.15)
