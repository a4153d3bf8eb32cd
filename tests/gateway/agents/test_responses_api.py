import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from gateway.agents.responses_api import ResponsesModel
from gateway.agents.sets.chat_supervisor import SUPERVISOR
from gateway.agents.supervisor import UNREACHABLE, supervisor_tool
from gateway.agents.telecom.lookups import LOOKUPS
from gateway.agents.telecom.rules import RuleSupervisor
from gateway.agents.text_model import Brief, TextModelError
from gateway.agents.tool import Line, ToolContext
from tests.responses_stand_in import (
    KEY,
    ResponsesStandIn,
    broken_rules,
    call,
    message,
    never,
    reasoning,
    refusal,
    response,
    responses_stand_in,
)

CONVERSATION = (
    Line("user", "Hi."),
    Line("assistant", "Hello, how can I help?", "chatAgent"),
    Line("user", "What is my bill? My number is 206 135 1246."),
    Line("assistant", "One moment, please.", "chatAgent"),
)
BRIEF = Brief(SUPERVISOR, CONVERSATION, "asks for the bill of 2061351246", LOOKUPS)


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[ResponsesStandIn, ResponsesModel]]:
    async with responses_stand_in() as server:
        model = ResponsesModel("some-model", KEY, server.url)
        try:
            yield server, model
        finally:
            await model.close()


async def ask(model: ResponsesModel, timeout: float = 5.0) -> tuple[object, dict[str, Any]]:
    """What the supervisor's tool answers in `CONVERSATION`, and its metadata."""
    metadata: dict[str, Any] = {}
    tool = supervisor_tool(SUPERVISOR, LOOKUPS, RuleSupervisor(), timeout=timeout)
    context = ToolContext(
        "sess_1", "chatAgent", CONVERSATION, text_model=model, _annotate=metadata.update
    )
    arguments = {"relevantContextFromLastUserMessage": BRIEF.context}
    return await tool.run(arguments, context), metadata


async def test_look_ups_one_after_the_other_until_the_answer() -> None:
    async with served() as (server, model):
        server.will(
            response(reasoning(), call("getUserAccountInfo", '{"phone_number": "2061351246"}')),
            response(call("lookupPolicyDocument", '{"topic": "billing"}', "call_2")),
            response(message("Your bill is $88.40. [Billing](NT-03)")),
        )
        answer, metadata = await ask(model)
    assert answer == "Your bill is $88.40."
    assert metadata["supervisor"]["lookups"] == ["getUserAccountInfo", "lookupPolicyDocument"]
    assert metadata["citations"] == [{"name": "Billing", "id": "NT-03"}]
    assert server.keys == {KEY}
    first, second, third = server.requests
    assert first["model"] == "some-model"
    assert first["parallel_tool_calls"] is False
    assert [item["role"] for item in first["input"]] == [
        *("user", "assistant", "user", "assistant"),
        "developer",
    ]
    assert [tool["name"] for tool in first["tools"]] == [tool.name for tool in LOOKUPS]
    # What was thought goes back with the call and its result.
    assert [item["type"] for item in second["input"][5:]] == [
        *("reasoning", "function_call", "function_call_output")
    ]
    assert "$88.40" in second["input"][-1]["output"]
    assert len(third["input"]) == len(second["input"]) + 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (call("getUserAccountInfo", '{"phone_number'), "not valid JSON"),
        (call("getUserAccountInfo", '{"phone": 1}'), "there is no such parameter"),
        (call("getUserAccountInfo", '{"phone_number": "1112223333"}'), "no account"),
        (call("payBill", "{}"), "no tool named payBill"),
    ],
)
async def test_a_call_in_error_goes_back_to_the_model(wrong: Any, told: str) -> None:
    async with served() as (server, model):
        server.will(response(wrong), response(message("Could you say it again?")))
        answer, _ = await ask(model)
    assert answer == "Could you say it again?"
    assert told in server.requests[1]["input"][-1]["output"]


async def test_calls_in_parallel_each_have_their_result() -> None:
    async with served() as (server, model):
        both = [call("lookupPolicyDocument", '{"topic": "plans"}', f"call_{n}") for n in (1, 2)]
        server.will(response(*both), response(message("Done.")))
        answer, _ = await ask(model)
    assert answer == "Done."


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_that_is_busy_is_asked_once_more(status: int) -> None:
    async with served() as (server, model):
        server.will(refusal(status), response(message("Here I am.")))
        assert (await ask(model))[0] == "Here I am."


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((refusal(401),), "HTTP 401"),
        ((refusal(429), refusal(429)), "HTTP 429"),
        ((refusal(500), refusal(500)), "HTTP 500"),
        ((response(message("")),), "said nothing"),
        ((response(message("Your bill"), status="incomplete"),), "incomplete"),
        ((web.Response(text="<html>", content_type="text/html"),), "none"),
        ((web.Response(text="{", content_type="application/json"),), "cannot be reached"),
    ],
)
async def test_without_an_answer_the_caller_hears_regret(answers: Any, error: str) -> None:
    async with served() as (server, model):
        server.will(*answers)
        answer, metadata = await ask(model)
    assert answer == UNREACHABLE[0]
    assert error in metadata["supervisor"]["error"]
    assert KEY not in metadata["supervisor"]["error"]


async def test_a_server_that_is_silent_or_away() -> None:
    async with served() as (server, model):
        server.will(never)
        answer, metadata = await ask(model, timeout=0.1)
        assert answer == UNREACHABLE[0]
        assert "within 0.1 s" in metadata["supervisor"]["error"]
    nobody = ResponsesModel("some-model", None, "http://127.0.0.1:9/v1")
    answer, metadata = await ask(nobody)
    await nobody.close()
    assert "cannot be reached" in metadata["supervisor"]["error"]


async def test_a_question_alone() -> None:
    async with served() as (server, model):
        server.will(response(message("Yes.")), refusal(400))
        assert await model.answer("Judge.", "Is it broken?") == "Yes."
        with pytest.raises(TextModelError, match="HTTP 400"):
            await model.answer("Judge.", "Is it?")
    assert server.requests[0]["instructions"] == "Judge."


def test_the_stand_in_is_strict() -> None:
    good: dict[str, Any] = {
        "model": "m",
        "input": [{"role": "user", "content": "Hi."}],
        "tools": [LOOKUPS[0].strict_definition],
    }
    assert broken_rules(good) == []
    output = {"type": "function_call_output", "call_id": "call_9", "output": "x"}
    open_ended = {**LOOKUPS[0].strict_definition, "parameters": {"type": "object"}}
    for wrong in (
        {"input": [output]},
        {"input": [call("f", "{}")]},
        {"input": [{"role": "nobody", "content": "Hi."}]},
        {"tools": [open_ended]},
        {"tools": [LOOKUPS[0].definition]},
        {"temprature": 1},
    ):
        assert broken_rules(good | wrong), wrong
