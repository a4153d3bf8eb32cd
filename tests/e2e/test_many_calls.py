"""Calls one after another and many at once, and nothing left of them afterwards."""

import array
import asyncio
import gc
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from client.python import Microphone, Speaker, TalkpathClient
from tests import leaks
from tests.gateways import running_gateway
from tests.stand_in import StandIn

IN_A_ROW = 100
AT_ONCE = 20
SECONDS = 30.0
PROCESSES = 2
PING_INTERVAL = 10.0
"""Seconds: Engine.IO's ping task sleeps through the end of its socket, and then ends too."""

ROOT = Path(__file__).parents[2]


def tone(seconds: float) -> bytes:
    samples = range(int(seconds * 24_000))
    return array.array("h", [int(8000 * math.sin(0.1 * n)) for n in samples]).tobytes()


def counts() -> dict[str, int]:
    """How many tasks, threads, processes and descriptors (sockets, files) there are."""
    alive = leaks.snapshot(asyncio.get_running_loop())
    return {
        "tasks": len(alive.tasks),
        "threads": len(alive.threads),
        "processes": len(alive.processes),
        "descriptors": len(alive.descriptors),
    }


async def grown_since(before: dict[str, int]) -> dict[str, int]:
    """What there is more of than ``before``, once closing has had its time."""
    grown: dict[str, int] = {}
    try:
        async with asyncio.timeout(PING_INTERVAL + 2):
            while grown := {kind: n for kind, n in counts().items() if n > before[kind]}:
                gc.collect()
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    return grown


async def short_call(url: str, model: StandIn, number: int) -> None:
    """The model's ``number``-th call: placed, answered, heard, hung up."""
    errors: list[object] = []
    async with TalkpathClient(url) as client:
        client.on("error", errors.append)
        await client.connect()
        line = await model.line(number)
        speaker = Speaker()
        await client.call(Microphone(), speaker)
        asked_at = asyncio.get_running_loop().time()
        await line.answer("Hello.", tone(0.1))
        assert await speaker.wait_onset(asked_at, within=10.0) is not None
    assert errors == []


async def run_callers(url: str, how_many: int) -> list[dict[str, Any]]:
    """What ``how_many`` callers in another process got in :data:`SECONDS` seconds."""
    command = ["-m", "tests.e2e.callers", url, str(how_many), str(SECONDS)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_a_hundred_calls_in_a_row_then_twenty_at_once_leave_nothing_behind() -> None:
    async with StandIn() as model, running_gateway(model.url) as gateway:
        await short_call(gateway.url, model, 0)  # what the first one makes for all is no leak
        before = counts()
        for number in range(1, IN_A_ROW):
            await short_call(gateway.url, model, number)
        assert await grown_since(before) == {}

        async def answer(number: int) -> float:
            """Seconds of the caller's voice that came until it hung up."""
            line = await model.line(IN_A_ROW + number, timeout=30.0)
            await line.wait_for_audio(480, timeout=30.0)
            await line.answer("A long answer.", tone(SECONDS))
            async with asyncio.timeout(SECONDS + 60):
                await line.socket.wait_closed()
            return len(line.audio) / 2 / 24_000

        async with asyncio.TaskGroup() as tasks:
            callers = [
                tasks.create_task(run_callers(gateway.url, AT_ONCE // PROCESSES))
                for _ in range(PROCESSES)
            ]
            answers = [tasks.create_task(answer(number)) for number in range(AT_ONCE)]
        assert min(answer.result() for answer in answers) >= SECONDS - 2
        results = [result for process in callers for result in process.result()]
        assert len(results) == AT_ONCE
        for result in results:
            assert result["heard"]
            assert result["errors"] == []
            assert result["lost"] == 0
        assert gateway.sessions is not None
        assert len(gateway.sessions) == 0
        assert await grown_since(before) == {}
