"""One Chromium for all tests of the page; a gateway and a page for each of them."""

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser import chromium, microphone_file
from tests.client.tones import tone
from tests.client.web.page_gateway import PageGateway
from tests.client.web.screen import INSECURE_HOST, Evaluate, open_page

SAMPLE_RATE = 48_000


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    microphone = tmp_path_factory.mktemp("microphone") / "tone.wav"
    _write_wav(microphone)
    resolver = f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1"
    async with chromium(resolver, *microphone_file(microphone)) as launched:
        yield launched


@pytest_asyncio.fixture(loop_scope="package")
async def gateway() -> AsyncIterator[PageGateway]:
    played = PageGateway()
    await played.start()
    yield played
    await played.stop()


@pytest_asyncio.fixture(loop_scope="package")
async def context(browser: Browser, gateway: PageGateway) -> AsyncIterator[BrowserContext]:
    # After the gateway, so that its clients are gone when it stops.
    made = await browser.new_context(permissions=["microphone"])
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def evaluate(browser: Browser) -> AsyncIterator[Evaluate]:
    """Runs a function in a page that is not connected to anything, for what needs no gateway."""
    played = PageGateway()
    await played.start()
    context = await browser.new_context()
    yield (await open_page(context, played.url, [])).evaluate
    await context.close()
    await played.stop()


@pytest.fixture
def faults() -> list[str]:
    """What the browser complained about; a test that provokes complaints clears it."""
    return []


@pytest_asyncio.fixture(loop_scope="package")
async def page(
    context: BrowserContext, gateway: PageGateway, faults: list[str]
) -> AsyncIterator[Page]:
    opened = await open_page(context, gateway.url, faults)
    yield opened
    assert faults == []


def _write_wav(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(tone(2.0, SAMPLE_RATE).tobytes())
