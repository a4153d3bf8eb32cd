"""The gateway under test as a child process: started on loopback, found ready, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import client
from client.python.bench.errors import BenchError

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_LONGEST_LINE = 1024 * 1024
"""Bytes of what a gateway may log in one line."""
_URL = re.compile(r"\bready on (http://\S+)")

# Nothing else of this machine's environment may decide how the gateway under test behaves.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: where it answers, and its process (None: not known)."""

    url: str
    pid: int | None


def gateway_command() -> list[str]:
    """Talkpath itself, as whoever runs this would start it."""
    return [sys.executable, "-m", "signaling", "serve", "--host", "127.0.0.1", "--port", "0"]


def stock_command(model_url: str) -> list[str]:
    """The stock bridge that Talkpath is compared with."""
    return [sys.executable, "-m", "client.python.bench.stock_bridge", "--model-url", model_url]


def gateway_environment(model_url: str) -> dict[str, str]:
    return {
        "PUBLIC_ADDRESS": "127.0.0.1",
        "REALTIME_URL": model_url,
        "LOG_LEVEL": "warning",
        "DRAIN_TIMEOUT": "1",
    }


@contextlib.asynccontextmanager
async def running(
    command: Sequence[str],
    environment: Mapping[str, str],
    on_line: Callable[[str], None] = lambda line: None,
) -> AsyncIterator[Subject]:
    """Start `command`, which prints `… ready on http://HOST:PORT`; stop it (SIGTERM) at the end.

    It runs in an empty directory, so that no `.env` is found. `on_line` is told what it prints when
    it is ready. Raises `BenchError` if it does not become ready.
    """
    with tempfile.TemporaryDirectory(prefix="talkpath-bench-") as directory:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            env={**_inherited(), **environment},
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        drain: asyncio.Task[None] | None = None
        try:
            url = await _ready(process, command)
            drain = asyncio.create_task(_drain(process, on_line))
            yield Subject(url, process.pid)
        finally:
            await _stop(process)
            if drain is not None:
                await drain


def _inherited() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # The checkout may not be installed: the child finds it where this process did.
    root = str(Path(client.__file__).parents[1])
    return {**kept, "PYTHONPATH": root}


async def _ready(process: asyncio.subprocess.Process, command: Sequence[str]) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_SECONDS):
            while line := await process.stdout.readline():
                if found := _URL.search(line.decode(errors="replace")):
                    return found[1]
    except TimeoutError:
        raise BenchError(f"{command[0]} was not ready within {READY_SECONDS:g} s") from None
    raise BenchError(f"{' '.join(command)} ended before it was ready")


async def _drain(process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
    """Read on, so that a full pipe does not stop it."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        on_line(line.decode(errors="replace").rstrip())


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
