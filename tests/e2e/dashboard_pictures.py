"""The pictures of docs/dashboard.md: real calls with the embedded model, a day that is made up.

    python -m tests.e2e.dashboard_pictures docs/images

To be run by hand when the page has changed; it takes two minutes, and Debian's fonts-noto-cjk.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import random
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from playwright.async_api import Page, Route

from client.python import Microphone, Speaker, TalkpathClient
from gateway.local_model.tts import HibariVoice
from tests.browser import chromium
from tests.e2e.test_chat_supervisor import Heard
from tests.speech import Samples, silence

RATE = 24_000
CALLERS = {
    "ann@example.com": (
        "Hello, how are you?",
        "What does roaming in Europe cost?",
        "Is there a discount for students?",
        "Can you say that again?",
        "Where is the nearest store?",
        "Nine eight, one oh one.",
        "Please reset my password.",
    ),
    "+82 2 1234 5678": ("How much is my bill?", "Two oh six, one three five, one two four six."),
    "김서연": ("Where is the nearest store?", "Nine eight, one oh one."),
    "james.wilson": ("Hello there.", "Who will win the election?"),
}


@contextlib.asynccontextmanager
async def gateway() -> AsyncIterator[str]:
    """One in a process of its own, whose event loop has nothing to do with callers."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "signaling", "serve", "--port", "0"),
        env={**os.environ, "PUBLIC_ADDRESS": "127.0.0.1"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if found := re.search(rb"Talkpath ready on (\S+)", line):
                yield found[1].decode()
                break
    finally:
        process.terminate()
        await process.wait()


async def converse(url: str, name: str, lines: list[Samples], over: asyncio.Event) -> None:
    """Say one's lines again and again, each when the one before is answered."""
    async with TalkpathClient(url, user_id=name, timeout=30.0) as client:
        heard, microphone = Heard(client), Microphone()
        await client.connect()
        await client.call(microphone, Speaker())
        for line in itertools.cycle(lines):
            before = len(heard.answers)
            await microphone.say(np.concatenate([silence(1.5, RATE), line]), rate=RATE)
            await heard.until_answered(before)
            if over.is_set():
                return


def day() -> list[dict[str, Any]]:
    """A day as a busy gateway would tell it."""
    rng, now = random.Random(8), int(time.time() // 60) * 60
    minutes = []
    for at in range(now - 86_340, now + 1, 60):
        load = max(0.0, 11 + 9 * math.sin((at / 3_600 - 9) / 12 * math.pi) + rng.uniform(-2, 2))
        slow = 300 if 21_000 < now - at < 23_400 else 0
        turns = int(4 * load) + (at == now)
        minutes.append(
            {
                "at": 1_000 * at,
                "calls": int(load / 3 + rng.random()),
                "live": len(CALLERS) if at == now else int(load),
                "turns": turns,
                "p50Ms": int(rng.uniform(430, 560)) + slow,
                "p95Ms": int(rng.uniform(800, 1_150)) + 4 * slow,
                "modelErrors": (rng.random() < 0.01) + (slow and rng.randrange(3)),
                "toolErrors": int(rng.random() < 0.02),
                "costUsd": 0.004 * turns,
            }
        )
    return minutes


async def take(page: Page, folder: Path) -> None:
    """Of the page as it is: by day, by night, in Korean, and on a telephone."""
    await page.check("#span [value=day]", force=True)
    for name, scheme, language in (
        ("dashboard", "light", "en"),
        ("dashboard-dark", "dark", "en"),
        ("dashboard-korean", "light", "ko"),
    ):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.select_option("#language", language)
        await page.wait_for_timeout(1_200)
        await page.screenshot(path=folder / f"{name}.png")
    await page.select_option("#language", "en")
    await page.set_viewport_size({"width": 390, "height": 1_000})
    await page.click(".call-row.picked button")
    await page.wait_for_timeout(1_200)
    await page.screenshot(path=folder / "dashboard-phone.png")


async def main(folder: Path) -> None:
    voice, over = HibariVoice(), asyncio.Event()
    said = {
        name: [np.asarray(voice.speak(line, 1.0)) for line in lines]
        for name, lines in CALLERS.items()
    }

    told = day()

    async def history(route: Route) -> None:
        since = int(parse_qs(urlsplit(route.request.url).query)["since"][0])
        await route.fulfill(json={"minutes": [each for each in told if each["at"] >= since]})

    async with gateway() as url, chromium() as browser, asyncio.TaskGroup() as all:
        for name in CALLERS:
            all.create_task(converse(url, name, said[name], over))
            await asyncio.sleep(6)
        await asyncio.sleep(35)
        page = await browser.new_page(viewport={"width": 1440, "height": 1140})
        await page.route("**/api/history?*", history)
        # So many callers, a browser and a model on one machine make its event loop late.
        await page.route("**/health", lambda route: route.fulfill(json={"status": "ok"}))
        await page.goto(f"{url}/dashboard")
        await page.wait_for_selector(".voice[data-side=agent]")
        await page.wait_for_timeout(3_000)
        await take(page, folder)
        over.set()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
