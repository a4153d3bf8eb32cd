import asyncio
import os
import signal
import sys

import pytest

from client.python.bench import subject
from client.python.bench.footprint import watched
from client.python.bench.watched import MARK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals of a Unix")


async def test_a_module_runs_as_ever_and_tells_its_tasks() -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    command = watched(subject.stock_command("ws://127.0.0.1:9"))
    async with subject.running(command, {}, lines.put_nowait) as bridge:
        assert bridge.url.startswith("http://127.0.0.1:")
        assert bridge.pid is not None
        for _ in range(2):
            os.kill(bridge.pid, signal.SIGUSR1)
            async with asyncio.timeout(5):
                line = await lines.get()
            assert line.startswith(MARK)
            # Its main task is one.
            assert int(line.removeprefix(MARK)) >= 1
