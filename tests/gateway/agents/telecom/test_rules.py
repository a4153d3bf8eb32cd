import json

import pytest

from gateway.agents.telecom.lookups import LOOKUPS
from gateway.agents.telecom.rules import RuleSupervisor
from gateway.agents.text_model import Brief, Call, Result, Step
from gateway.agents.tool import Line, ToolContext, ToolFailure

CONTEXT = ToolContext("sess_1", "chatAgent")


class Caller:
    """Talks to the supervisor alone; what it answers is taken for what the agent said."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.calls: list[Call] = []

    async def asks(self, text: str) -> str:
        self.lines.append(Line("user", text))
        thought = RuleSupervisor().think(Brief("", tuple(self.lines), text, LOOKUPS))
        step = await thought.step()
        if step.calls:
            step = await thought.step([await self._look_up(call) for call in step.calls])
        assert not step.calls
        self.lines.append(Line("assistant", step.text, "chatAgent"))
        return step.text

    async def _look_up(self, call: Call) -> Result:
        self.calls.append(call)
        (tool,) = (tool for tool in LOOKUPS if tool.name == call.name)
        try:
            value = await tool.run(json.loads(call.arguments), CONTEXT)
        except ToolFailure as failure:
            return Result(call, str(failure))
        return Result(call, json.dumps(value), value)


async def test_a_missing_number_is_asked_for_and_read_back() -> None:
    caller = Caller()
    assert "phone number" in await caller.asks("How much is my bill?")
    answer = await caller.asks("two oh six, one three five, one two four six")
    assert "two oh six, one three five, one two four six" in answer
    assert "$88.40" in answer
    assert [(call.name, call.arguments) for call in caller.calls] == [
        ("getUserAccountInfo", '{"phone_number": "2061351246"}')
    ]
    assert "two oh six" not in await caller.asks("And my data usage?")


async def test_a_number_without_an_account_is_asked_for_again() -> None:
    caller = Caller()
    assert "phone number" in await caller.asks("My number is 9998887777, what do I owe?")
    assert "$88.40" in await caller.asks("Sorry: 206, 135, 1246")


async def test_an_offer_to_transfer_is_taken_or_not() -> None:
    caller = Caller()
    assert "transfer you" in await caller.asks("Reset my password.")
    assert "demonstration" in await caller.asks("Yes.")
    assert "transfer you" in await caller.asks("Order a pizza.")
    assert "else" in await caller.asks("No.")
    assert "transfer" not in await caller.asks("Yes.")


async def test_a_document_is_cited() -> None:
    answer = await Caller().asks("What does roaming in Europe cost?")
    assert "$8" in answer
    assert "[Roaming](NT-02)" in answer


async def test_no_phrase_is_used_twice_while_there_are_others() -> None:
    caller = Caller()
    answers = [await caller.asks(f"Order me {thing}.") for thing in ("a pizza", "a car", "a cat")]
    assert len(set(answers)) == 3


@pytest.mark.parametrize("question", ["How can I pay?", "Order me a pizza.", "Who is president?"])
async def test_it_says_once_that_it_is_a_demonstration(question: str) -> None:
    caller = Caller()
    assert "demonstration" in await caller.asks(question)
    assert "demonstration" not in await caller.asks(question)


async def test_what_it_cannot_look_up() -> None:
    brief = Brief("", (Line("user", "Tell me about roaming"),), "", LOOKUPS)
    thought = RuleSupervisor().think(brief)
    (call,) = (await thought.step()).calls
    assert "transfer you" in (await thought.step([Result(call, "Error: nothing")])).text
    assert Step().calls == ()
