"""The ``talkpath`` command: in this process for what ends at once, else as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from signaling import cli
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

ROOT = Path(__file__).parents[2]
READY = re.compile(r"Talkpath ready on (http://127\.0\.0\.1:\d+) \(model: (\S+)\)\n")


@contextlib.asynccontextmanager
async def serving(*flags: str, **settings: str) -> AsyncIterator[Process]:
    """``talkpath serve`` in an empty folder."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "signaling", "serve", *flags),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: Process) -> str:
    """Its URL, once it serves."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        line = (await process.stdout.readline()).decode()
    match = READY.fullmatch(line)
    assert match, line
    return match[1]


async def draining(url: str) -> None:
    """Until it takes no more calls."""
    async with asyncio.timeout(15), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{url}/ready") as answer:
                if answer.status == 503:
                    return


async def ended(process: Process) -> tuple[int, str, str]:
    """Its exit status, and what it still said."""
    async with asyncio.timeout(15):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_it_says_when_it_is_ready_and_ends_on_sigterm(model: StandIn, tmp_path: Path) -> None:
    settings = tmp_path / "settings.env"
    settings.write_text(f"REALTIME_URL={model.url}\nPORT=1\nLOG_FORMAT=json\n")
    async with serving("--env-file", str(settings), "--port", "0") as process:
        url = await ready(process)
        async with Caller(url) as caller:
            await caller.join()
            await caller.reach_model()
            await caller.ask("disconnect_session")
        process.send_signal(signal.SIGTERM)
        status, out, err = await ended(process)
    assert status == 0
    assert out == "", "the ready line is all that it prints"
    assert '"event": "session started"' in err
    assert "Traceback" not in err


async def test_sigterm_lets_calls_finish(model: StandIn) -> None:
    settings = {"REALTIME_URL": model.url, "PORT": "0", "DRAIN_TIMEOUT": "20"}
    async with serving(**settings) as process, Caller(url := await ready(process)) as caller:
        await caller.join()
        await caller.reach_model()
        process.send_signal(signal.SIGTERM)
        await draining(url)
        assert (await caller.ask("send_text", "Goodbye."))["ok"]
        await caller.wait("message")
        assert (await caller.ask("disconnect_session"))["ok"]
        status, _, err = await ended(process)
    assert status == 0
    assert "Traceback" not in err


async def test_a_second_signal_does_not_wait(model: StandIn) -> None:
    settings = {"REALTIME_URL": model.url, "PORT": "0", "DRAIN_TIMEOUT": "600"}
    async with serving(**settings) as process, Caller(url := await ready(process)) as caller:
        await caller.join()
        process.send_signal(signal.SIGTERM)
        await draining(url)
        process.send_signal(signal.SIGTERM)
        status, _, _ = await ended(process)
    assert status == -signal.SIGTERM


async def test_a_port_that_is_taken_is_one_clear_line(model: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with serving("--port", port, REALTIME_URL=model.url) as process:
            status, out, err = await ended(process)
    assert status == 1
    assert out == ""
    assert err == (
        f"talkpath: cannot listen on HOST=127.0.0.1 PORT={port}: address already in use\n"
    )


@pytest.mark.parametrize(
    ("flags", "settings", "named"),
    [
        ((), {"PORT": "seventy"}, "PORT=seventy"),
        (("--port", "70000"), {}, "PORT=70000"),
        (("--host", "0.0.0.0"), {}, "HOST=0.0.0.0"),
        (("--log-level", "loud"), {}, "LOG_LEVEL=loud"),
        ((), {"REALTIME_URL": "http://example.org"}, "REALTIME_URL=http://example.org"),
        ((), {"SESSION_IDLE_TIMEOUT": "0"}, "SESSION_IDLE_TIMEOUT=0"),
        ((), {"ICE_SERVERS": "stun:x"}, "ICE_SERVERS"),
        ((), {"ALLOWED_ORIGINS": "talk.example"}, "ALLOWED_ORIGINS"),
        ((), {"AGENT_SET": "choir", "REALTIME_URL": "ws://127.0.0.1:1"}, "AGENT_SET=choir"),
        (("--env-file", "no-such-file"), {}, "--env-file=no-such-file"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    flags: tuple[str, ...],
    settings: dict[str, str],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "configure_logging", lambda level, log_format: None)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["serve", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("talkpath: ")
    assert named in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["dance"], ["serve", "--port", "x"], ["serve", "now"]])
def test_what_is_no_command_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: talkpath" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "call", "model", "bench"])
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for command in ("serve", "call", "model", "bench"):
        assert re.search(rf"^  {command}\s+\w", out, re.MULTILINE)


def test_full_collections_look_at_nothing_that_was_loaded() -> None:
    thresholds, kept = gc.get_threshold(), gc.get_freeze_count()
    try:
        cli._relieve_collector()
        assert gc.get_freeze_count() > kept + 10_000
        assert len(gc.get_objects()) < 1_000
        assert gc.get_threshold() == (*thresholds[:2], 2)
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
