from __future__ import annotations

import threading
from typing import Any

import pytest
from openai.types.realtime import RealtimeFunctionTool
from openai.types.responses import FunctionTool

from gateway.agents.schema import BadArguments, SchemaError
from gateway.agents.tool import (
    MAX_OUTPUT,
    Line,
    Tool,
    ToolContext,
    ToolFailure,
    output_text,
    parse_arguments,
    tool,
)

CONTEXT = ToolContext("sess_1", "front", (Line("user", "Where is it?"),))


@tool
async def find(context: ToolContext, item: str, floor: int = 1) -> str:
    """Find an item in the shop.

    :param item: what to look for
    """
    return f"{context.agent} finds {item} on floor {floor}"


@tool(name="countItems", timeout=2.5, filler=["One moment."])
def count(items: list[str]) -> dict[str, Any]:
    """Count items."""
    return {"count": len(items), "thread": threading.current_thread().name}


async def test_a_coroutine_becomes_a_tool() -> None:
    assert isinstance(find, Tool)
    assert (find.name, find.timeout, find.filler) == ("find", 10.0, ())
    assert await find.run({"item": "tea", "floor": None}, CONTEXT) == "front finds tea on floor 1"
    with pytest.raises(BadArguments, match="item: missing"):
        await find.run({}, CONTEXT)


async def test_a_plain_function_runs_off_the_loop() -> None:
    assert (count.name, count.timeout, count.filler) == ("countItems", 2.5, ("One moment.",))
    result = await count.run({"items": ["a", "b"]}, CONTEXT)
    assert isinstance(result, dict)
    assert result["count"] == 2
    assert result["thread"] != threading.current_thread().name


def test_definitions_are_those_of_openai() -> None:
    definition = find.definition
    assert definition["description"] == "Find an item in the shop."
    assert definition["parameters"]["required"] == ["item", "floor"]
    assert RealtimeFunctionTool.model_validate(definition).to_dict() == definition
    strict = FunctionTool.model_validate(find.strict_definition)
    assert strict.strict
    assert strict.parameters == definition["parameters"]


def test_a_function_that_cannot_be_a_tool_is_refused_where_it_is_made() -> None:
    with pytest.raises(SchemaError, match="shout: parameter words needs a name and a type"):

        @tool
        def shout(words):  # type: ignore[no-untyped-def]
            pass


@pytest.mark.parametrize("text", ["{", "[]", "null", '"a"', "[" * 100_000])
def test_arguments_that_are_no_object_are_explained(text: str) -> None:
    with pytest.raises(BadArguments, match=r"^the arguments are not"):
        parse_arguments(text)


def test_a_tool_without_parameters_is_called_with_nothing() -> None:
    assert parse_arguments("") == parse_arguments("{}") == {}


def test_results_are_told_as_text() -> None:
    assert output_text("plain") == "plain"
    assert output_text({"größe": [1, None]}) == '{"größe": [1, null]}'
    assert output_text(None) == "null"
    with pytest.raises(ToolFailure):
        output_text({"when": object()})
    assert len(output_text("x" * 100_000)) == MAX_OUTPUT + len(" ... (cut)")


def test_a_context_passes_on_what_a_tool_tells() -> None:
    notes: list[Any] = []
    context = ToolContext("sess_1", "front", _note=notes.append, _annotate=notes.append)
    context.note({"type": "progress", "step": 1})
    context.annotate(citations=["a"])
    assert notes == [{"type": "progress", "step": 1}, {"citations": ["a"]}]
