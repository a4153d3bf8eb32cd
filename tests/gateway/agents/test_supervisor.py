import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gateway.agents.supervisor import (
    MOST_LINES,
    MOST_STEPS,
    UNREACHABLE,
    supervisor_tool,
    without_citations,
)
from gateway.agents.text_model import Brief, Call, Result, Step, TextModelError
from gateway.agents.tool import Line, ToolContext, ToolFailure, tool

ASKED = Line("user", "How much is it?")


class Thoughts:
    """A model that takes these steps, one after the other; an exception is raised."""

    def __init__(self, *steps: Step | Exception | Callable[[], Any]) -> None:
        self._steps = list(steps)
        self.briefs: list[Brief] = []
        self.results: list[Sequence[Result]] = []

    def think(self, brief: Brief) -> "Thoughts":
        self.briefs.append(brief)
        return self

    async def answer(self, instructions: str, question: str) -> str:
        raise AssertionError

    async def step(self, results: Sequence[Result] = ()) -> Step:
        self.results.append(results)
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Step):
            return step
        await step()
        raise AssertionError


@tool
async def price(of: str) -> dict[str, int]:
    """What something costs."""
    if of == "moon":
        raise ToolFailure("it is not for sale")
    return {of: 3}


@tool(timeout=0.01)
async def slow() -> str:
    """Never answers."""
    await asyncio.Event().wait()
    return ""


def call(name: str, arguments: str) -> Step:
    return Step([Call("call_1", name, arguments)])


class Asked:
    """One question to the supervisor, and what the client is shown of it."""

    def __init__(self, model: Thoughts, *conversation: Line, timeout: float = 5.0) -> None:
        self.events: list[dict[str, Any]] = []
        self.metadata: dict[str, Any] = {}
        self._context = ToolContext(
            "sess_1",
            "chatAgent",
            conversation or (ASKED,),
            text_model=model,
            _note=lambda event: self.events.append(dict(event)),
            _annotate=self.metadata.update,
        )
        self._tool = supervisor_tool("Think.", (price, slow), Thoughts(), timeout=timeout)

    async def answer(self) -> object:
        arguments = {"relevantContextFromLastUserMessage": "the price"}
        return await self._tool.run(arguments, self._context)


async def test_it_looks_things_up_until_it_has_an_answer() -> None:
    model = Thoughts(
        call("price", '{"of": "bread"}'),
        call("price", '{"of": "milk"}'),
        Step(text="Three each. [Prices](P-1) Anything else? [Milk](P-2)"),
    )
    asked = Asked(model)
    assert await asked.answer() == "Three each. Anything else?"
    (brief,) = model.briefs
    assert (brief.instructions, brief.conversation, brief.context) == (
        "Think.",
        (ASKED,),
        "the price",
    )
    assert [[result.output for result in results] for results in model.results] == [
        [],
        ['{"bread": 3}'],
        ['{"milk": 3}'],
    ]
    assert [(event["type"], event["lookup"]) for event in asked.events] == [
        ("lookup_start", "price"),
        ("lookup_end", "price"),
    ] * 2
    assert asked.events[1]["ok"] is True
    assert asked.metadata["supervisor"]["lookups"] == ["price", "price"]
    assert asked.metadata["citations"] == [
        {"name": "Prices", "id": "P-1"},
        {"name": "Milk", "id": "P-2"},
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (call("price", "{of"), "not valid JSON"),
        (call("price", "[]"), "not a JSON object"),
        (call("price", '{"off": "x"}'), "of: missing"),
        (call("price", '{"of": "moon"}'), "it is not for sale"),
        (call("cost", "{}"), "no tool named cost"),
        (call("slow", "{}"), "did not answer in 0.01 s"),
    ],
)
async def test_a_failed_look_up_is_told_to_the_model(wrong: Step, told: str) -> None:
    model = Thoughts(wrong, Step(text="I cannot tell."))
    asked = Asked(model)
    assert await asked.answer() == "I cannot tell."
    assert told in model.results[1][0].output
    assert asked.events[-1]["ok"] is False


async def test_calls_in_parallel_run_one_after_the_other() -> None:
    calls = [Call("call_1", "price", '{"of": "a"}'), Call("call_2", "price", '{"of": "b"}')]
    model = Thoughts(Step(calls), Step(text="Done."))
    asked = Asked(model)
    await asked.answer()
    assert [result.call.call_id for result in model.results[1]] == ["call_1", "call_2"]
    assert [event["type"] for event in asked.events] == ["lookup_start", "lookup_end"] * 2


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (Thoughts(TextModelError("HTTP 429")), "HTTP 429"),
        (Thoughts(*[call("price", '{"of": "x"}')] * MOST_STEPS), f"after {MOST_STEPS} steps"),
        (Thoughts(asyncio.Event().wait), "within 0.05 s"),
    ],
)
async def test_without_an_answer_the_agent_has_a_sentence_to_say(
    model: Thoughts, error: str
) -> None:
    asked = Asked(model, timeout=0.05)
    assert await asked.answer() == UNREACHABLE[0]
    assert error in asked.metadata["supervisor"]["error"]


async def test_the_sentence_of_regret_is_another_one_the_next_time() -> None:
    regretted = Line("assistant", UNREACHABLE[0], "chatAgent")
    asked = Asked(Thoughts(TextModelError("away")), ASKED, regretted, ASKED)
    assert await asked.answer() == UNREACHABLE[1]


async def test_a_long_conversation_is_told_from_its_end() -> None:
    model = Thoughts(Step(text="Yes."))
    lines = [Line("user", str(number)) for number in range(MOST_LINES + 5)]
    await Asked(model, *lines).answer()
    assert [line.text for line in model.briefs[0].conversation][:1] == ["5"]


def test_only_citations_are_cut_out() -> None:
    assert without_citations("It is [$8] (a day).") == ("It is [$8] (a day).", [])
    assert without_citations("One [A b](C-1), two.") == (
        "One, two.",
        [{"name": "A b", "id": "C-1"}],
    )
