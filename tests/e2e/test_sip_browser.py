"""JsSIP in a real Chromium calls over the WebSocket, with human speech as its microphone."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page

from signaling.app import Gateway
from tests.browser import chromium, microphone_file
from tests.client.tones import tone
from tests.e2e.interop import Tried, Tries
from tests.gateways import running_gateway
from tests.npm import installed
from tests.signaling.callers import until
from tests.speech import prompt
from tests.stand_in import Line, StandIn

RATE = 24_000
LOUD = 0.05
"""RMS of full scale; the tone is louder, an empty line is not."""


@pytest.fixture(scope="module")
def softphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JsSIP and the page's code in one file."""
    modules = installed("jssip").parent
    bundle = tmp_path_factory.mktemp("jssip") / "softphone.js"
    source = Path(__file__).with_name("jssip_phone.js")
    program = modules / ".bin" / "esbuild"
    subprocess.run(
        [program, source, "--bundle", "--log-level=error", f"--outfile={bundle}"],
        check=True,
        timeout=60,
    )
    return bundle


@contextlib.asynccontextmanager
async def phone(
    gateway: Gateway, code: Path, password: str = "", *, register: bool = False
) -> AsyncIterator[Page]:
    """A page with a phone that is connected to the gateway."""
    fake = ("--use-fake-ui-for-media-stream", *microphone_file(prompt("conf-onlyperson")))
    async with chromium(*fake) as browser:
        page = await browser.new_page(bypass_csp=True)
        await page.goto(gateway.url)
        await page.add_script_tag(path=code)
        url = gateway.url.replace("http", "ws") + "/sip"
        await page.evaluate("(options) => softphone.connect(...options)", [url, password, register])
        yield page
        await page.evaluate("softphone.stop()")


async def tried(page: Page, interop: Tries) -> Tried:
    version = await page.evaluate("softphone.version")
    return interop(f"JsSIP {version} in Chromium", "WebSocket", "WebRTC, Opus")


async def call(page: Page, target: str) -> list[Any]:
    """What became of a call: JsSIP's event, who caused it, and why."""
    async with asyncio.timeout(20.0):
        what: list[Any] = await page.evaluate("target => softphone.call(target)", target)
        return what


def loudness(pcm: bytes) -> float:
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2") / 32_768
    return float(np.sqrt(np.mean(samples**2)))


async def hears(page: Page, line: Line) -> float:
    """How loud an answer of the agent's is, as the page hears it."""
    await line.answer("A tone.", tone(1.5, RATE))
    level: float = await page.evaluate("softphone.loudness(1.2)")
    return level


async def test_a_call_with_keys_hold_and_a_hang_up(softphone: Path, interop: Tries) -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_users={"alice": "secret"}) as gateway,
        phone(gateway, softphone, "secret") as page,
    ):
        assert (await call(page, "sip:agent@talkpath.example"))[0] == "confirmed"
        seen = await tried(page, interop)
        seen.saw("digest")
        line = await model.line()
        await line.wait_for_audio(3 * RATE)
        assert loudness(bytes(line.audio)) > 0.01, "the caller's speech arrives"
        assert await hears(page, line) > LOUD
        seen.saw("audio both ways")
        await page.evaluate("softphone.press('12#')")
        pressed = await line.wait_for("conversation.item.create")
        assert "12#" in str(pressed)
        seen.saw("keys by INFO")

        await page.evaluate("softphone.hold()")
        assert await hears(page, line) == 0, "nothing is said into a held line"
        await page.evaluate("softphone.unhold()")
        assert await page.evaluate("softphone.loudness(1.2)") > LOUD, "what was due is said then"
        seen.saw("hold and resume")

        await page.evaluate("softphone.hangUp()")
        await until(lambda: not gateway.sessions)
        assert (await page.evaluate("softphone.over()"))[1] == "local"
        seen.saw("hang-up by the phone")


async def test_a_page_registers_and_leaves(softphone: Path, interop: Tries) -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_users={"alice": "secret"}) as gateway,
    ):
        assert gateway.sip is not None
        registrar = gateway.sip._agent.registrar
        async with phone(gateway, softphone, "wrong", register=True) as page:
            assert await page.evaluate("softphone.registered()") == "Authentication Error"
            assert len(registrar) == 0
        async with phone(gateway, softphone, "secret", register=True) as page:
            assert await page.evaluate("softphone.registered()") == "registered"
            (binding,) = registrar.of("alice")
            assert binding.flow.transport == "ws"
            seen = await tried(page, interop)
        await until(lambda: not registrar.of("alice"))
        seen.saw("registration")


async def test_the_agent_hangs_up(softphone: Path, interop: Tries) -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url, session_max_duration=4.0) as gateway,
        phone(gateway, softphone) as page,
    ):
        assert (await call(page, "sip:chat_supervisor@talkpath.example"))[0] == "confirmed"
        _, by, cause = await page.evaluate("softphone.over()")
        assert (by, cause) == ("remote", "Terminated")
        assert not gateway.sessions
        (await tried(page, interop)).saw("hang-up by the agent")


async def test_a_wrong_password_and_an_agent_nobody_knows(softphone: Path, interop: Tries) -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_users={"alice": "secret"}) as gateway,
    ):
        async with phone(gateway, softphone, "wrong") as page:
            failed = await call(page, "sip:agent@talkpath.example")
            assert failed == ["failed", "remote", "Authentication Error"]
        async with phone(gateway, softphone, "secret") as page:
            failed = await call(page, "sip:nobody@talkpath.example")
            assert failed == ["failed", "remote", "Not Found"]
            (await tried(page, interop)).saw("wrong password", "unknown agent")
        assert not model.lines
