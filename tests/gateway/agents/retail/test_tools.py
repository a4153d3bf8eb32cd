from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.agents.retail.tools import (
    decide_return,
    list_articles,
    list_orders,
    place_order,
    read_return_rules,
    verify_caller,
)
from gateway.agents.text_model import TextModelError
from gateway.agents.tool import Tool, ToolContext, ToolFailure

RIGHT = {
    "phone_number": "(206) 555-0143",
    "date_of_birth": "1988-03-14",
    "card_digits": "44 17",
}


class Judge:
    """A text model that says what the test wants."""

    def __init__(self, answer: str | None) -> None:
        self._answer = answer
        self.questions: list[tuple[str, Any]] = []

    async def answer(self, instructions: str, question: str) -> str:
        self.questions.append((instructions, json.loads(question)))
        if self._answer is None:
            raise TextModelError("it is away")
        return self._answer


async def run(tool: Tool, context: ToolContext | None = None, **arguments: Any) -> Any:
    return await tool.run(arguments, context or ToolContext("sess_1", "returns"))


async def verified(judge: Any = None, notes: list[Any] | None = None) -> ToolContext:
    """The call of somebody who was verified."""
    note = (lambda event: None) if notes is None else notes.append
    context = ToolContext("sess_1", "returns", text_model=judge, _note=note)
    await run(verify_caller, context, **RIGHT)
    return context


async def test_callers_are_verified_by_all_they_say() -> None:
    assert await run(verify_caller, **RIGHT) == {"verified": True, "name": "Mara Lindqvist"}
    for wrong in ({"card_digits": "4418"}, {"date_of_birth": "1988-03-15"}, {"phone_number": "1"}):
        with pytest.raises(ToolFailure, match="belong to no customer"):
            await run(verify_caller, **{**RIGHT, **wrong})


async def test_orders_are_listed() -> None:
    orders = await run(list_orders, await verified())
    assert [order["order"] for order in orders] == ["R-2101", "R-2114"]
    assert "14 days" in await run(read_return_rules)


async def test_a_return_is_decided_by_a_model_that_knows_the_case() -> None:
    judge = Judge("We take it back, and pay 89 dollars.")
    notes: list[Any] = []
    decided = await run(
        decide_return,
        await verified(judge, notes),
        order_number="r-2101",
        condition="unused",
        story="It is too small.",
    )
    assert decided == {"decision": "We take it back, and pay 89 dollars.", "decided_by": "model"}
    ((instructions, facts),) = judge.questions
    assert "Fjordline Cycles" in instructions
    assert "less 10 percent" in instructions
    assert facts["article"]["name"] == "Rain jacket with reflectors"
    assert facts["by_the_letter"]["accepted"] is True
    assert facts["story"] == "It is too small."
    assert notes == [{"type": "decision_asked"}]


@pytest.mark.parametrize("judge", [None, Judge(None)])
async def test_without_a_model_the_letter_of_the_rules_decides(judge: Any) -> None:
    decided = await run(
        decide_return,
        await verified(judge),
        order_number="R-2114",
        condition="unused",
        story="I do not need it.",
    )
    assert decided["decided_by"] == "rules"
    assert decided["decision"]["reason"] == "more than 21 days have passed"


async def test_nobody_else_hears_of_orders_or_gives_them() -> None:
    with pytest.raises(ToolFailure, match="not verified"):
        await run(list_orders)
    with pytest.raises(ToolFailure, match="not verified"):
        await run(place_order, articles=["P10"])
    with pytest.raises(ToolFailure, match="not verified"):
        await run(decide_return, order_number="R-2101", condition="used", story="")
    with pytest.raises(ToolFailure, match="there is no such order"):
        # Somebody else's.
        await run(
            decide_return, await verified(), order_number="R-2120", condition="used", story=""
        )


async def test_articles_are_listed_and_ordered() -> None:
    cheap = await run(list_articles, category="parts", most=50)
    assert [article["article"] for article in cheap] == ["P10"]
    assert len(await run(list_articles)) == 8
    mara = await verified()
    ordered = await run(place_order, mara, articles=["p10", "P10", "C10"])
    assert (ordered["total"], ordered["simulated"]) == (166.0, True)
    for articles, complaint in (
        (["B30"], "not enough in stock: Wren folding bicycle"),
        (["B20"] * 3, "not enough in stock"),
        (["X1"], "means nothing"),
        ([], "means nothing"),
    ):
        with pytest.raises(ToolFailure, match=complaint):
            await run(place_order, mara, articles=articles)
