"""A headless Firefox for tests, driven by WebDriver BiDi: it needs no driver program."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

PATIENCE = 30.0
"""Seconds for the start, and for any command."""

_PREFERENCES: dict[str, bool | int | str] = {
    # Media goes over 127.0.0.1, which Firefox leaves out by itself, and pages may play sound.
    "media.peerconnection.ice.loopback": True,
    # A page that may not use the microphone is given no other way than the default route.
    "permissions.default.microphone": 1,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # Whatever it would like to ask the world goes to a port where nobody listens.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "services.settings.server": "",
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
}

_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_READY = re.compile(r"(Daemon startup complete)")


class FirefoxPage:
    """One tab, with as much of Playwright's ``Page`` as is used here."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._context = ""

    async def open(self) -> None:
        await self._command("session.new", capabilities={})
        tab = await self._command("browsingContext.create", type="tab")
        self._context = tab["context"]

    async def goto(self, url: str) -> None:
        await self._command(
            "browsingContext.navigate", context=self._context, url=url, wait="complete"
        )

    async def evaluate(self, function: str, argument: object = None) -> Any:
        """What an async JavaScript function returns for ``argument``, both as JSON."""
        call = f"Promise.resolve(({function})({json.dumps(argument)}))"
        answer = await self._command(
            "script.evaluate",
            expression=f"{call}.then((result) => JSON.stringify(result ?? null))",
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] != "success":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    async def _command(self, method: str, **parameters: object) -> Any:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(PATIENCE):
            while (answer := await self._socket.receive_json()).get("id") != number:
                pass  # Events that nobody subscribed to.
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['message']}")
        return answer["result"]


@contextlib.asynccontextmanager
async def firefox(folder: Path) -> AsyncIterator[FirefoxPage]:
    """A page of a running Firefox; skips the test where a Debian package is not installed.

    :param folder: an empty directory, its home.
    """
    path = shutil.which("firefox-esr")
    if path is None:
        pytest.skip("needs Debian's package firefox-esr")
    lines = [f"user_pref({json.dumps(n)}, {json.dumps(v)});" for n, v in _PREFERENCES.items()]
    (folder / "user.js").write_text("\n".join(lines))
    async with (
        _null_sink(folder) as sink,
        _process(
            *(path, "--headless", "--no-remote", "--profile", str(folder)),
            *("--remote-debugging-port", "0", "about:blank"),
            environment={"HOME": str(folder), "PULSE_SERVER": sink},
        ) as process,
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{await _announced(process, _LISTENING)}/session", max_msg_size=0
        ) as socket,
    ):
        page = FirefoxPage(socket)
        await page.open()
        yield page


@contextlib.asynccontextmanager
async def _null_sink(folder: Path) -> AsyncIterator[str]:
    """A sound card that nobody hears: without any, Firefox does not run the clock of its audio.

    :return: its ``PULSE_SERVER``.
    """
    path = shutil.which("pulseaudio")
    if path is None:
        pytest.skip("needs Debian's package pulseaudio")
    socket = folder / "pulse"
    async with _process(
        *(path, "-n", "--daemonize=no", "--use-pid-file=no", "--disable-shm=yes", "-vv"),
        *("--exit-idle-time=-1", "-L", "module-null-sink rate=48000"),
        *("-L", f"module-native-protocol-unix auth-anonymous=1 socket={socket}"),
        environment={"HOME": str(folder), "PULSE_RUNTIME_PATH": str(folder)},
    ) as process:
        await _announced(process, _READY)
        yield f"unix:{socket}"


@contextlib.asynccontextmanager
async def _process(
    *command: str, environment: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that is ended at the end."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def _announced(process: asyncio.subprocess.Process, pattern: re.Pattern[str]) -> str:
    """What a program says when it is ready."""
    assert process.stderr is not None
    said: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while (line := (await process.stderr.readline()).decode(errors="replace")) != "":
            said.append(line)
            if found := pattern.search(line):
                return found[1]
    raise AssertionError(f"it ended before it was ready: {''.join(said[-10:])}")
