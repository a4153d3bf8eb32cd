"""JsSIP and SIP.js in a real Chromium call, and are called, over WS and WSS.

Recorded human speech is recognised by the embedded model behind the gateway, and what the agent
answers is recognised in what the page heard.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from gateway.core.events import Message, SessionEvent
from gateway.local_model.asr import Recogniser, load_recogniser
from gateway.local_model.audio import to_waveform
from gateway.local_model.process import EmbeddedModel
from gateway.session import Session
from signaling.app import Gateway
from signaling.sip.door import _Line
from tests.browser import chromium
from tests.certificates import self_signed
from tests.e2e.interop import Tried, Tries
from tests.gateways import Ear, running_gateway
from tests.npm import installed, version
from tests.signaling.callers import until
from tests.speech import PROMPTS, prompt, word_error_rate

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

SAYS = "conf-onlyperson"
LOUD = 0.02
"""RMS of full scale; an agent who speaks is louder."""

PATIENCE = 30.0

LIBRARIES = {"jssip_phone.js": "JsSIP", "sipjs_phone.js": "SIP.js"}
"""In lower case they are names of npm packages."""
TRANSPORTS = {"WS": "ws", "WSS": "wss"}
PHONES = [(source, transport) for source in LIBRARIES for transport in TRANSPORTS]
USERS = {f"{source[:5]}-{transport}": "secret" for source, transport in PHONES}


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return load_recogniser()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each phone and its library in one file."""
    modules = installed("sip.js").parent
    folder = tmp_path_factory.mktemp("phones")
    sources = [Path(__file__).with_name(source) for source in LIBRARIES]
    options = ("--bundle", "--log-level=error", f"--outdir={folder}")
    subprocess.run([modules / ".bin" / "esbuild", *sources, *options], check=True, timeout=60)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateways(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Gateway]]:
    """One for each transport, with one embedded model."""
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    model = EmbeddedModel()
    url = await model.start()
    settings: dict[str, Any] = {"sip_users": USERS, "agent_set": "haiku"}
    try:
        async with (
            running_gateway(url, **settings) as plain,
            running_gateway(url, tls_cert=certificate, tls_key=key, **settings) as secure,
        ):
            yield {"WS": plain, "WSS": secure}
    finally:
        await model.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(gateways: dict[str, Gateway]) -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


class Listening(Ear):
    """What a session tells its door."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def on_session_event(self, event: SessionEvent) -> None:
        super().on_session_event(event)
        self._line.on_session_event(event)

    async def line(self, role: str, count: int = 1) -> str:
        """What was said, or keyed."""
        message = await self.wait(Message, lambda each: each.role == role, count, PATIENCE)
        return message.content


class BrowserPhone:
    """A page with a phone that has registered."""

    def __init__(self, page: Page, gateway: Gateway, source: str, transport: str) -> None:
        self.page = page
        self.gateway = gateway
        self.user = f"{source[:5]}-{transport}"
        self._library = LIBRARIES[source]
        self._transport = transport

    async def start(self, password: str = "secret") -> str:
        url = f"{self.gateway.url.replace('http', 'ws', 1)}/sip"
        said: str = await self.do("start(...argument)", [url, self.user, password])
        return said

    async def do(self, what: str, argument: Any = None) -> Any:
        async with asyncio.timeout(PATIENCE):
            return await self.page.evaluate(f"async (argument) => phone.{what}", argument)

    async def tried(self, interop: Tries) -> Tried:
        name = f"{self._library} {version(self._library.lower())} in Chromium"
        return interop(name, self._transport, "WebRTC, Opus")

    async def heard(self, recogniser: Recogniser) -> str:
        pcm = base64.b64decode(await self.do("audio.heard()"))
        samples = np.frombuffer(pcm, "<i2")
        speech = to_waveform(np.ascontiguousarray(samples))
        return (await asyncio.to_thread(recogniser.transcribe, speech)).text

    def calls(self) -> list[Session]:
        """That came from it, and were answered."""
        assert self.gateway.sip is not None
        return [
            line.session
            for line in self.gateway.sip._lines.values()
            if self.user in line.call.dialog.remote and line.session is not None
        ]


@contextlib.asynccontextmanager
async def phone_in(
    browser: Browser, bundles: Path, gateway: Gateway, source: str, transport: str
) -> AsyncIterator[BrowserPhone]:
    """A page of the gateway's own, so that it may connect to this machine, with the phone in it."""
    context = await browser.new_context(ignore_https_errors=True)
    try:
        page = await context.new_page()
        await page.goto(f"{gateway.url}/ready")
        await page.add_script_tag(path=bundles / source)
        phone = BrowserPhone(page, gateway, source, transport)
        yield phone
        await phone.do("stop()")
    finally:
        await context.close()


async def converse(
    phone: BrowserPhone, session: Session, recogniser: Recogniser, seen: Tried
) -> None:
    """Both are understood; the agent is told keys, and held in the midst of its answer."""
    assert phone.gateway.sip is not None
    lines = phone.gateway.sip._lines
    await until(lambda: any(line.session is session for line in lines.values()))
    ear = Listening(next(line for line in lines.values() if line.session is session))
    session.attach(ear)
    await phone.do("audio.connected()")
    speech = base64.b64encode(prompt(SAYS).read_bytes()).decode()
    await phone.do("audio.say(argument)", speech)
    said = await ear.line("user")
    assert word_error_rate(PROMPTS[SAYS], said) <= 0.15, said

    answered = await ear.line("assistant")
    heard = await phone.heard(recogniser)
    assert word_error_rate(answered, heard) <= 0.15, (answered, heard)
    seen.saw("words both ways")

    await phone.do("press('12#')")
    assert "12#" in await ear.line("user", 2)
    seen.saw("keys by INFO" if phone.user.startswith("jssip") else "keys by RFC 4733")
    await phone.do("audio.untilLoud(argument)", LOUD)
    await phone.do("hold()")
    assert await phone.do("audio.loudness(0.5)") == 0, "nothing is said into a held line"
    await phone.do("resume()")
    await phone.do("audio.untilLoud(argument)", LOUD)
    seen.saw("hold and resume")


@contextlib.asynccontextmanager
async def all_phones(
    browser: Browser, bundles: Path, gateways: dict[str, Gateway]
) -> AsyncIterator[list[BrowserPhone]]:
    async with contextlib.AsyncExitStack() as pages:
        opened = [
            await pages.enter_async_context(
                phone_in(browser, bundles, gateways[transport], source, transport)
            )
            for source, transport in PHONES
        ]
        assert await asyncio.gather(*(phone.start() for phone in opened)) == ["registered"] * 4
        yield opened
    await until(lambda: not any(gateway.sessions for gateway in gateways.values()))


async def side_by_side(
    phones: list[BrowserPhone], do: Callable[[BrowserPhone], Awaitable[None]]
) -> None:
    async def named(phone: BrowserPhone) -> None:
        try:
            await do(phone)
        except BaseException as error:
            error.add_note(phone.user)
            raise

    async with asyncio.TaskGroup() as tasks:
        for phone in phones:
            tasks.create_task(named(phone))


async def test_they_call_and_are_called(
    browser: Browser,
    bundles: Path,
    gateways: dict[str, Gateway],
    recogniser: Recogniser,
    interop: Tries,
) -> None:
    async def call_and_be_called(phone: BrowserPhone) -> None:
        seen = await phone.tried(interop)
        seen.saw("registration")
        assert await phone.do("call('sip:agent@talkpath.example')") == "confirmed"
        seen.saw("digest")
        await until(lambda: bool(phone.calls()))
        (session,) = phone.calls()
        await converse(phone, session, recogniser, seen)
        await phone.do("hangUp()")
        await until(lambda: session.ended)
        assert await phone.do("over()") == "local"
        seen.saw("hang-up by the phone")

        assert phone.gateway.sip is not None
        await phone.do("audio.forget()")
        dialled = await phone.gateway.sip.dial(phone.user)
        await converse(phone, dialled.session, recogniser, seen)
        dialled.hang_up()
        assert await phone.do("over()") == "remote"
        seen.saw("called by the gateway", "hang-up by the agent")

    async with all_phones(browser, bundles, gateways) as phones:
        await side_by_side(phones, call_and_be_called)


async def test_a_wrong_password_and_an_agent_nobody_knows(
    browser: Browser, bundles: Path, gateways: dict[str, Gateway], interop: Tries
) -> None:
    for source, refused, unknown in (
        ("jssip_phone.js", "Authentication Error", "Not Found"),
        ("sipjs_phone.js", "Unauthorized", "Not Found"),
    ):
        async with phone_in(browser, bundles, gateways["WS"], source, "WS") as phone:
            assert await phone.start("wrong") == refused
        async with phone_in(browser, bundles, gateways["WS"], source, "WS") as phone:
            assert await phone.start() == "registered"
            assert await phone.do("call('sip:nobody@talkpath.example')") == unknown
            (await phone.tried(interop)).saw("wrong password", "unknown agent")
