"""Runs the tools that agents of one session call, each with a deadline."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from gateway.agents.call_control import NotPossible
from gateway.agents.schema import BadArguments
from gateway.agents.text_model import TextModelError
from gateway.agents.tool import Tool, ToolContext, ToolFailure, output_text, parse_arguments
from gateway.core.tool_calls import MAX_RUNNING, ToolCall

log = structlog.get_logger(__name__)

_EXPLAINED = (BadArguments, ToolFailure, NotPossible, TextModelError)
"""Failures whose text is for the model."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a tool call ended. ``text`` is for the model, ``error`` also for the operator."""

    text: str = field(repr=False)
    seconds: float
    error: str | None = None


class ToolDesk:
    """The tools under way in one session.

    :param done: told of the end of each, on the event loop.
    """

    def __init__(self, done: Callable[[ToolCall, ToolContext, Outcome], None]) -> None:
        self._done = done
        self._clock = asyncio.get_running_loop().time
        self._tasks: asyncio.TaskGroup | None = None
        self._running = 0

    async def run(self) -> None:
        """Own the tools until cancelled, which cancels them."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    def start(self, call: ToolCall, tool: Tool | None, context: ToolContext) -> None:
        """Run ``tool``, or say why not. Only while :meth:`run` runs.

        :param tool: None: the agent has none of that name.
        """
        assert self._tasks is not None
        self._tasks.create_task(self._serve(call, tool, context), name=f"tool {call.name}")

    async def _serve(self, call: ToolCall, tool: Tool | None, context: ToolContext) -> None:
        started = self._clock()
        self._running += 1
        try:
            if tool is None:
                raise ToolFailure(f"there is no tool named {call.name}")
            if self._running > MAX_RUNNING:
                raise ToolFailure("too many tools are running; wait for their results")
            text, error = await _run(tool, call.arguments, context), None
        except _EXPLAINED as failure:
            text, error = _error_text(str(failure)), type(failure).__name__
        except Exception as failure:  # noqa: BLE001 (the root of a tool's run, which logs)
            _log(call.name, failure)
            text, error = _error_text("the tool failed"), type(failure).__name__
        finally:
            self._running -= 1
        self._done(call, context, Outcome(text, self._clock() - started, error))


async def _run(tool: Tool, arguments: str, context: ToolContext) -> str:
    try:
        async with asyncio.timeout(tool.timeout):
            return output_text(await tool.run(parse_arguments(arguments), context))
    except TimeoutError:
        raise ToolFailure(f"the tool did not answer within {tool.timeout:g} s") from None


def _error_text(reason: str) -> str:
    return json.dumps({"error": reason}, ensure_ascii=False)


def _log(name: str, failure: Exception) -> None:
    """Where a tool failed; its message and its variables may hold what the caller said."""
    frame = traceback.extract_tb(failure.__traceback__)[-1]
    log.error(
        "tool failed",
        tool=name,
        error=type(failure).__name__,
        at=f"{frame.filename}:{frame.lineno}",
    )
