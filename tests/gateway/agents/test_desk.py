from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from gateway.agents.desk import Outcome, ToolDesk
from gateway.agents.tool import ToolContext, tool
from gateway.core.tool_calls import MAX_RUNNING, ToolCall

CONTEXT = ToolContext("sess_1", "front")


@contextlib.asynccontextmanager
async def open_desk() -> AsyncIterator[tuple[ToolDesk, asyncio.Queue[tuple[str, Outcome]]]]:
    ended: asyncio.Queue[tuple[str, Outcome]] = asyncio.Queue()
    desk = ToolDesk(lambda call, _, outcome: ended.put_nowait((call.call_id, outcome)))
    task = asyncio.create_task(desk.run())
    await asyncio.sleep(0)
    try:
        yield desk, ended
    finally:
        task.cancel()
        await asyncio.wait([task])


def call(call_id: str, name: str = "wait") -> ToolCall:
    return ToolCall(call_id, name, "{}", f"item_{call_id}")


async def test_too_many_tools_at_once_are_refused_and_the_others_are_cancelled_at_the_end() -> None:
    cancelled = 0

    @tool
    async def wait() -> None:
        """Wait."""
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise

    async with open_desk() as (desk, ended):
        for number in range(MAX_RUNNING + 1):
            desk.start(call(str(number)), wait, CONTEXT)
        call_id, outcome = await ended.get()
        assert call_id == str(MAX_RUNNING)
        assert "too many tools are running" in json.loads(outcome.text)["error"]
        assert ended.empty()
    assert cancelled == MAX_RUNNING
    assert ended.empty()


async def test_a_failure_of_no_known_kind_stays_with_its_tool() -> None:
    @tool
    async def crash() -> None:
        """Crash."""
        raise ZeroDivisionError("4111 1111")

    @tool
    async def well() -> dict[str, int]:
        """Work."""
        return {"n": 1}

    async with open_desk() as (desk, ended):
        desk.start(call("a", "crash"), crash, CONTEXT)
        desk.start(call("b", "well"), well, CONTEXT)
        outcomes = dict([await ended.get(), await ended.get()])
    assert outcomes["a"].error == "ZeroDivisionError"
    assert outcomes["a"].text == '{"error": "the tool failed"}'
    assert (outcomes["b"].error, outcomes["b"].text) == (None, '{"n": 1}')
    assert outcomes["b"].seconds >= 0
