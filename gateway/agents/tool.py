"""A tool: a typed Python function that a model may call, and what it is told about the call."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, overload

from gateway.agents.call_control import CallControl
from gateway.agents.schema import BadArguments, Parameters
from gateway.agents.text_model import TextModel

DEFAULT_TIMEOUT = 10.0
"""Seconds that a tool may take."""

MAX_OUTPUT = 32_000
"""Characters of a result that the model is told."""


class ToolFailure(Exception):
    """Raised by a tool: its text is told to the model, which words it for the caller."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the conversation. ``agent``: who said it, of the agents; empty for the caller."""

    role: Literal["user", "assistant"]
    text: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know of the call it runs in, and do in it. Made anew for each tool call.

    :ivar conversation: what was said until now, in order.
    :ivar agent: the name of the agent that called the tool.
    :ivar memory: what tools of this session keep for one another.
    :ivar text_model: a model that reasons in text; None: the gateway has none.
    """

    session_id: str
    agent: str
    conversation: tuple[Line, ...] = ()
    call: CallControl = field(default_factory=CallControl)
    text_model: TextModel | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    _note: Callable[[Mapping[str, Any]], None] = lambda event: None
    _annotate: Callable[[Mapping[str, Any]], None] = lambda metadata: None

    def note(self, event: Mapping[str, Any]) -> None:
        """Show progress to the client, as ``agent_event``; ``type`` says of what kind."""
        self._note(event)

    def annotate(self, **metadata: Any) -> None:
        """Put JSON-able facts, such as citations, into the metadata of the answer that is made
        with this tool's result; they are not spoken.
        """
        self._annotate(metadata)


Run = Callable[[Mapping[str, Any], ToolContext], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model may call.

    :ivar parameters: JSON Schema of an object.
    :ivar run: takes the arguments and answers text, or anything JSON can hold.
    :ivar timeout: seconds until it is cancelled.
    :ivar filler: phrases, of which the agent says one while the tool runs, unless it said
        something itself; never the same one twice in a row.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Run = field(repr=False)
    timeout: float = DEFAULT_TIMEOUT
    filler: tuple[str, ...] = ()

    @property
    def definition(self) -> dict[str, Any]:
        """The ``function`` tool of OpenAI's Realtime API."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
        }

    @property
    def strict_definition(self) -> dict[str, Any]:
        """The same for OpenAI's Responses API, which then keeps to the schema."""
        return {**self.definition, "strict": True}


@overload
def tool(function: Callable[..., Any]) -> Tool: ...


@overload
def tool(
    *, name: str | None = None, timeout: float = DEFAULT_TIMEOUT, filler: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    filler: Sequence[str] = (),
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a function; also as a decorator, bare or with options.

    Its description is the docstring's text, its parameters those of the signature, described by
    ``:param name:`` lines or ``Annotated``. A parameter of type :class:`ToolContext` is filled in.
    A function that is not a coroutine runs in a thread, which no timeout can stop.

    :raises SchemaError: the signature cannot be told to a model.
    """
    if function is None:
        return lambda decorated: _tool(decorated, name, timeout, filler)
    return _tool(function, name, timeout, filler)


def _tool(
    function: Callable[..., Any], name: str | None, timeout: float, filler: Sequence[str]
) -> Tool:
    parameters = Parameters(function, ToolContext)

    async def run(arguments: Mapping[str, Any], context: ToolContext) -> object:
        given = parameters.parse(arguments)
        if parameters.injected is not None:
            given[parameters.injected] = context
        if inspect.iscoroutinefunction(function):
            return await function(**given)
        return await asyncio.to_thread(function, **given)

    return Tool(
        name or function.__name__,
        parameters.summary,
        parameters.schema,
        run,
        timeout,
        tuple(filler),
    )


def parse_arguments(text: str) -> dict[str, Any]:
    """The arguments of a call as the model wrote them; nothing at all counts as none.

    :raises BadArguments: not a JSON object.
    """
    try:
        arguments = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise BadArguments("the arguments are not valid JSON") from None
    if not isinstance(arguments, dict):
        raise BadArguments("the arguments are not a JSON object")
    return arguments


def output_text(result: object) -> str:
    """A tool's result as the model is told it.

    :raises ToolFailure: JSON cannot hold it.
    """
    if isinstance(result, str):
        text = result
    else:
        try:
            text = json.dumps(result, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            raise ToolFailure("the tool's result cannot be told") from None
    return text if len(text) <= MAX_OUTPUT else f"{text[:MAX_OUTPUT]} ... (cut)"
