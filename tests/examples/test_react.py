"""The React example, built as its README says, in Chromium with a real gateway."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, expect

from client.python.wav import write_wav
from tests.browser import chromium, microphone_file
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.npm import ROOT, installed
from tests.stand_in import StandIn

RATE = 24_000
PATIENCE_MS = 15_000
LEVEL = "([label, least]) => document.querySelector(`[aria-label=${label}]`).value > least"


@pytest_asyncio.fixture
async def example(tmp_path: Path) -> AsyncIterator[str]:
    """The built app, served by itself: its origin is not the gateway's."""
    installed("vite")
    built = tmp_path / "dist"
    build = await asyncio.create_subprocess_exec(
        *("npx", "vite", "build", "--logLevel", "warn", "--outDir", str(built), "--emptyOutDir"),
        cwd=ROOT / "examples/react",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await build.communicate()
    assert build.returncode == 0, printed.decode()
    app = web.Application()
    app.router.add_static("/", built)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def level_above(page: Page, label: str, dbfs: float) -> None:
    await page.wait_for_function(LEVEL, arg=[label, dbfs], timeout=PATIENCE_MS)


@pytest.mark.timeout(90)
async def test_the_hooks_join_type_and_call_both_ways(example: str, tmp_path: Path) -> None:
    microphone = tmp_path / "tone.wav"
    write_wav(microphone, [tone(2.0, 48_000)], 48_000)
    fake = ("--use-fake-ui-for-media-stream", *microphone_file(microphone))
    faults: list[str] = []
    async with (
        StandIn() as model,
        running_gateway(model.url, allowed_origins=example) as gateway,
        chromium(*fake) as browser,
    ):
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.goto(f"{example}/index.html?gateway={gateway.url}")
        status = page.get_by_role("status")
        await expect(status).to_have_text("Session: disconnected, call: idle")
        await page.get_by_role("button", name="Connect").click()
        await expect(status).to_have_text("Session: connected, call: idle")

        await page.get_by_label("Message").fill("What time is it?")
        await page.get_by_role("button", name="Send").click()
        line = await model.line()
        await line.wait_for("response.create")
        await expect(page.locator("li.user")).to_have_text("What time is it?")
        await expect(page.get_by_label("Message")).to_have_value("")
        await line.answer("Noon.", tone(0.3, RATE).tobytes())
        await expect(page.locator("li.assistant")).to_have_text("Noon.")

        for number, transport in enumerate(("pcm", "webrtc"), start=1):
            await page.get_by_label("Transport").select_option(transport)
            appended = len(line.audio) // 2
            await page.get_by_role("button", name="Call", exact=True).click()
            await expect(status).to_have_text(re.compile("call: connected, listening"))
            await line.wait_for_audio(appended + RATE)
            await level_above(page, "Microphone", -40)
            answer = await line.answer(f"Answer {number}.", tone(4.0, RATE).tobytes(), finish=False)
            await level_above(page, "Agent", -25)
            await line.speech_started(f"item_barge_{transport}")
            cut = await line.wait_for("conversation.item.truncate", count=number)
            assert cut["item_id"] == answer
            await expect(page.locator("li.assistant i")).to_have_count(number)
            await line.send("response.done", response={"id": "cut", "status": "cancelled"})
            await page.get_by_role("button", name="Hang up").click()
            await expect(status).to_have_text(re.compile("call: (idle|ended)$"))
        await page.get_by_role("button", name="Disconnect").click()
        await expect(status).to_contain_text("Session: disconnected")
        assert faults == []
        await expect(page.get_by_role("alert")).to_have_count(0)
