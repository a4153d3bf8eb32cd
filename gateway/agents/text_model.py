"""Models that reason in text, as agents see them. Who runs the gateway decides which one it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gateway.agents.tool import Line, Tool


@dataclass(frozen=True, slots=True)
class Brief:
    """What is to be thought about.

    :ivar conversation: what was said until now, in order.
    :ivar context: what the agent who asks adds to it.
    :ivar tools: what the model may have looked up.
    """

    instructions: str = field(repr=False)
    conversation: Sequence[Line]
    context: str
    tools: Sequence[Tool]


@dataclass(frozen=True, slots=True)
class Call:
    """A model wants a tool to run. ``arguments``: JSON as the model wrote it."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a call came to: text for the model. ``value``: the same before it was text; None where
    the tool failed.
    """

    call: Call
    output: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Step:
    """Either calls, whose results the model waits for, or ``text``, its last word."""

    calls: Sequence[Call] = ()
    text: str = ""


class Thought(Protocol):
    """One brief being thought about."""

    async def step(self, results: Sequence[Result] = ()) -> Step:
        """Go on, with the results of the calls that were asked for in the step before.

        :raises TextModelError: the model cannot be reached, or would not answer.
        """


class Thinker(Protocol):
    """A model that answers a brief in steps."""

    def think(self, brief: Brief) -> Thought: ...


class TextModel(Thinker, Protocol):
    """A model that can also be asked a question alone; the caller waits meanwhile."""

    async def answer(self, instructions: str, question: str) -> str:
        """:raises TextModelError: it cannot be reached, or would not answer."""


class TextModelError(Exception):
    """No answer; one sentence, fit for the agent that asked, says why."""
