"""A headless Chromium for tests, which talks to nobody but this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.two_networks import Device

_ARGUMENTS = (
    # Media goes over 127.0.0.1, which Chromium leaves out by itself.
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextlib.asynccontextmanager
async def chromium(*arguments: str, device: Device | None = None) -> AsyncIterator[Browser]:
    """A running Chromium; skips the test where Debian's package is not installed.

    :param device: to run it on, in place of this machine itself.
    """
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Debian's package chromium")
    if device is not None:
        path = device.program(path)
    # Its sandbox refuses to run as root.
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=[*_ARGUMENTS, *as_root, *arguments]
        )
        try:
            yield browser
        finally:
            await browser.close()


def microphone_file(path: object) -> tuple[str, ...]:
    """Arguments that make a WAV file the microphone; ``%noloop`` behind its name plays it once."""
    return ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={path}")
