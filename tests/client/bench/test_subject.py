import asyncio
import os
import sys

import pytest

from client.python.bench import subject
from client.python.bench.errors import BenchError
from client.python.bench.subject import (
    gateway_command,
    gateway_environment,
    running,
    stock_command,
)

# Says what it was started with, then waits for SIGTERM.
SCRIPT = """
import os, signal, sys
print("starting", flush=True)
print(f"Test ready on http://127.0.0.1:1/{os.environ.get('MARK')}/{os.environ.get('SECRET')}"
      f"/{len(os.listdir())}", flush=True)
print("further", flush=True)
signal.sigwait({signal.SIGTERM})
"""


async def test_a_child_is_found_ready_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of this shell")
    lines = asyncio.Queue[str]()
    command = [sys.executable, "-c", SCRIPT]
    async with running(command, {"MARK": "here"}, lines.put_nowait) as started, asyncio.timeout(10):
        assert started.url == "http://127.0.0.1:1/here/None/0"
        assert started.pid is not None
        os.kill(started.pid, 0)
        assert await lines.get() == "further"
    with pytest.raises(ProcessLookupError):
        os.kill(started.pid, 0)


async def test_one_that_ends_is_told() -> None:
    with pytest.raises(BenchError, match="ended before it was ready"):
        async with running([sys.executable, "-c", "print('no')"], {}):
            pass


async def test_one_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "READY_SECONDS", 0.05)
    with pytest.raises(BenchError, match="not ready within"):
        async with running([sys.executable, "-c", "import signal; signal.pause()"], {}):
            pass


def test_the_stock_bridge_is_told_its_model() -> None:
    assert stock_command("ws://127.0.0.1:5")[-2:] == ["--model-url", "ws://127.0.0.1:5"]


def test_the_gateway_is_kept_to_loopback_and_to_our_model() -> None:
    assert gateway_command()[1:4] == ["-m", "signaling", "serve"]
    environment = gateway_environment("ws://127.0.0.1:5/v1/realtime")
    assert environment["PUBLIC_ADDRESS"] == "127.0.0.1"
    assert environment["REALTIME_URL"] == "ws://127.0.0.1:5/v1/realtime"
