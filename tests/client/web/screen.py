"""What a user does on the page before anything else can be tried."""

from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import BrowserContext, Page, expect

from tests.client.web.page_gateway import PATIENCE, PageGateway

INSECURE_HOST = "talkpath.test"
"""A name for 127.0.0.1 that browsers do not trust as they trust the address."""

Evaluate = Callable[[str, Any], Awaitable[Any]]
"""A JavaScript function and its argument, run in a page."""

expect.set_options(timeout=PATIENCE * 1000)


async def open_page(context: BrowserContext, url: str, faults: list[str]) -> Page:
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


async def connect(page: Page, gateway: PageGateway) -> None:
    await page.click("#connect")
    await expect(page.locator("#text")).to_be_enabled()
    await gateway.status("CONNECTED")


async def call(page: Page, gateway: PageGateway) -> None:
    """A call from a microphone whose sound reaches the gateway as it is."""
    await page.click("#audio-setup > summary")
    await page.uncheck("#processing")
    await page.click("#call")
    await expect(page.locator("#state-call dd")).to_have_text("Connected")
    await gateway.status("CONNECTED")
