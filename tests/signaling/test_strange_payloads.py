"""Events by the thousand that no client should send, to a gateway of its own: each is answered, no
stranger is harmed, nothing is left in memory or as a traceback.

``FUZZ_PAYLOADS=10000`` in the environment for more than there is time for each day.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psutil
import pytest

from gateway.core.events import ErrorCode
from tests.payloads import Event, made
from tests.signaling.callers import Caller
from tests.signaling.test_cli import ready, serving
from tests.stand_in import StandIn

COUNT = int(os.environ.get("FUZZ_PAYLOADS", "500"))
CLIENTS = 4
ALLOWED_GROWTH = 16 << 20
"""Bytes, of allocators and pools that are not warm yet; of a thousand payloads that were kept there
would be more.
"""
CODES = {code.value for code in ErrorCode} - {ErrorCode.INTERNAL.value}
UNBOUNDED = {"CALL_RATE": "100000/1000000", "REQUEST_RATE": "100000/1000000"}


Join = Callable[[Caller], Awaitable[Any]]
"""Gets a client a session."""


async def send_all(url: str, events: Iterator[Event], join: Join = Caller.join) -> int:
    """Until there are no more. Returns how many were good."""
    good = 0
    async with Caller(url) as caller:
        await join(caller)
        for name, arguments in events:
            answer: Any = await caller.ask(name, *arguments)
            shown = (name, repr(arguments)[:500], answer)
            assert isinstance(answer, dict), shown
            if answer["ok"] is True:
                good += 1
            else:
                assert answer["ok"] is False, shown
                assert answer["error"]["code"] in CODES, shown
                assert isinstance(answer["error"]["message"], str), shown
                if answer["error"]["code"] == ErrorCode.NO_SESSION.value:
                    await join(caller)
            caller.events.clear()
        await caller.ask("disconnect_session")
    return good


async def burst(url: str, events: list[Event], join: Join = Caller.join) -> int:
    queue = iter(events)
    async with asyncio.TaskGroup() as tasks:
        sending = [tasks.create_task(send_all(url, queue, join)) for _ in range(CLIENTS)]
    return sum(task.result() for task in sending)


def memory(process: Process) -> int:
    """Bytes of the gateway alone, whatever its decoders have."""
    used: int = psutil.Process(process.pid).memory_info().rss
    return used


@pytest.mark.timeout(60 + COUNT // 20)
async def test_whatever_is_sent_is_answered_and_harms_nobody(model: StandIn) -> None:
    events = made(COUNT)
    half = len(events) // 2
    settings = {"REALTIME_URL": model.url, "PORT": "0", "DRAIN_TIMEOUT": "0", **UNBOUNDED}
    async with serving(**settings) as process:
        assert process.stderr is not None
        url = await ready(process)
        said = asyncio.create_task(process.stderr.read())
        async with Caller(url) as stranger:
            session = await stranger.join()
            await stranger.reach_model()
            good = await burst(url, events[:half])
            warm = memory(process)
            good += await burst(url, events[half:])
            grown = memory(process) - warm
            assert (await stranger.ask("send_text", "still here"))["ok"]
            assert not stranger.ended.is_set()
            assert {s["sessionId"] for s in stranger.of("session_status")} == {session["sessionId"]}
        process.terminate()
        async with asyncio.timeout(20):
            log = (await said).decode()
            assert await process.wait() == 0
    assert "Traceback" not in log
    assert "[error" not in log
    assert good > len(events) // 20, "too few were good enough to do anything"
    assert grown < ALLOWED_GROWTH, f"{grown >> 10} KiB for {len(events) - half} payloads"
    print(f"{len(events)} payloads, {good} good; {grown >> 10} KiB more memory")
