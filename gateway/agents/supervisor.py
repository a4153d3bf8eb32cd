"""The supervisor: a text model behind the agent who talks. It sees the whole conversation, looks
things up, and words the answer that the agent reads out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from time import monotonic
from typing import Any

import structlog

from gateway.agents.schema import BadArguments
from gateway.agents.text_model import Brief, Call, Result, TextModelError, Thinker, Thought
from gateway.agents.tool import Tool, ToolContext, ToolFailure, output_text, parse_arguments, tool

log = structlog.get_logger(__name__)

NAME = "getNextResponseFromSupervisor"

TIMEOUT = 30.0
"""Seconds for everything: no caller waits longer for an answer."""

MOST_STEPS = 8
"""Answers of the text model to one question, the last of which is read out."""

MOST_LINES = 200
"""Of the conversation, the last ones."""

_CITATION = re.compile(r"\s*\[([^\[\]\n]{1,200})\]\(([^()\s]{1,200})\)")

UNREACHABLE = (
    "I'm sorry, I can't look that up right now. Could you ask me again in a moment?",
    "I'm sorry, our system does not answer just now. Please try once more in a minute.",
    "That did not work, I'm sorry. Shall we try it again?",
)
"""What the agent reads out where the supervisor has no answer."""


class _TooManySteps(TextModelError):
    """A model that looks up one thing after another, and never answers."""


def supervisor_tool(
    instructions: str,
    lookups: Sequence[Tool],
    rules: Thinker,
    filler: Sequence[str] = (),
    timeout: float = TIMEOUT,
) -> Tool:
    """The tool by which the agent who talks asks the supervisor.

    :param lookups: what the supervisor may look up.
    :param rules: who thinks where the gateway has no text model.
    :param filler: what is said before, by a model that does not say it by itself.
    :param timeout: seconds until the agent is given a sentence of regret.
    """
    by_name = {lookup.name: lookup for lookup in lookups}

    async def supervisor(
        relevantContextFromLastUserMessage: str,  # noqa: N803 (the name that models are told)
        context: ToolContext,
    ) -> str:
        """The next thing to say to the caller, from the supervisor, who knows the company's
        policies, accounts and stores. Read it out word for word.

        :param relevantContextFromLastUserMessage: what the caller's last message says that is
            needed, in one sentence; the supervisor sees the conversation as well. Empty if it says
            nothing new.
        """
        conversation = context.conversation[-MOST_LINES:]
        brief = Brief(instructions, conversation, relevantContextFromLastUserMessage, lookups)
        consultation = _Consultation((context.text_model or rules).think(brief), by_name, context)
        started = monotonic()
        error: str | None = None
        try:
            async with asyncio.timeout(timeout):
                answer = await consultation.answer()
        except (TextModelError, TimeoutError) as failure:
            error = str(failure) or f"no answer within {timeout:g} s"
            log.warning("supervisor has no answer", reason=error)
            answer = _regret(context)
        spoken, citations = without_citations(answer)
        report: dict[str, Any] = {
            "lookups": consultation.made,
            "ms": round((monotonic() - started) * 1000),
        }
        if error is not None:
            report["error"] = error
        context.annotate(supervisor=report, citations=citations)
        return spoken

    return tool(name=NAME, timeout=timeout + 1.0, filler=filler)(supervisor)


class _Consultation:
    """One question to the supervisor."""

    def __init__(self, thought: Thought, tools: dict[str, Tool], context: ToolContext) -> None:
        self.made: list[str] = []
        """Names of what was looked up."""
        self._thought = thought
        self._tools = tools
        self._context = context

    async def answer(self) -> str:
        """:raises TextModelError: there is none."""
        results: list[Result] = []
        for _ in range(MOST_STEPS):
            step = await self._thought.step(results)
            if not step.calls:
                return step.text
            # One after the other, whatever the model asked for: what it says next may depend on it.
            results = [await self._look_up(call) for call in step.calls]
        raise _TooManySteps(f"no answer after {MOST_STEPS} steps")

    async def _look_up(self, call: Call) -> Result:
        started = monotonic()
        self.made.append(call.name)
        self._context.note({"type": "lookup_start", "lookup": call.name})
        try:
            result = await self._run(call)
        except (BadArguments, ToolFailure) as failure:
            result = Result(call, f"Error: {failure}")
        self._context.note(
            {
                "type": "lookup_end",
                "lookup": call.name,
                "ms": round((monotonic() - started) * 1000),
                "ok": result.value is not None,
            }
        )
        return result

    async def _run(self, call: Call) -> Result:
        lookup = self._tools.get(call.name)
        if lookup is None:
            raise ToolFailure(f"there is no tool named {call.name}")
        try:
            async with asyncio.timeout(lookup.timeout):
                value = await lookup.run(parse_arguments(call.arguments), self._context)
        except TimeoutError:
            raise ToolFailure(f"{call.name} did not answer in {lookup.timeout:g} s") from None
        return Result(call, output_text(value), value)


def without_citations(text: str) -> tuple[str, list[dict[str, str]]]:
    """``Roaming is free. [Roaming](NT-02)`` as what is spoken of it, and ``[{name, id}]``."""
    citations = [{"name": name, "id": id_} for name, id_ in _CITATION.findall(text)]
    return _CITATION.sub("", text).strip(), citations


def _regret(context: ToolContext) -> str:
    """One that was not used the last time."""
    said = [line.text for line in context.conversation if line.text in UNREACHABLE]
    place = UNREACHABLE.index(said[-1]) + 1 if said else 0
    return UNREACHABLE[place % len(UNREACHABLE)]
