"""Agents of a session at work: a scripted model calls their tools."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from mcp.server import MCPServer

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.call_tools import hang_up
from gateway.agents.mcp_server import McpServer
from gateway.core.events import AgentEvent, Failed, Message, Status
from tests.mcp_servers import running_mcp_server
from tests.shopping import PCM, Shop, heard, kinds, shopping


async def test_the_model_is_told_of_its_agents_tools() -> None:
    async with shopping(Shop()) as (_, _, line, _):
        session = (await line.wait_for("session.update"))["session"]
        names = [tool["name"] for tool in session["tools"]]
        assert names == ["find", "fail", "dawdle", "ponder", "transfer_to_cook"]


async def test_a_tools_result_is_told_and_the_answer_asked_for() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, _):
        await line.question("Where is the bread?")
        (call_id,) = await line.call_tools(("find", {"item": "bread"}))
        await line.wait_for("response.create")
        assert line.outputs() == [(call_id, '{"found": "bread"}')]
        await line.answer("On shelf three.", PCM)
        answer = await ear.wait(Message, lambda message: message.role == "assistant")
        assert answer.metadata == {"direct": False, "citations": ["bread"]}
        start, progress, end = (event.event for event in ear.of(AgentEvent))
        about = {"agent": "clerk", "tool": "find"}
        assert start == {"type": "tool_start", "callId": call_id, **about}
        assert progress == {"type": "progress", "shelf": 3, **about}
        assert 0 <= end.pop("ms") < 1000
        assert end == {"type": "tool_end", "callId": call_id, "ok": True, **about}
        (context,) = shop.contexts
        assert [(said.role, said.text) for said in context.conversation] == [
            ("user", "Where is the bread?")
        ]


async def test_an_answer_without_tools_is_a_direct_one() -> None:
    async with shopping(Shop()) as (_, ear, line, _):
        await line.answer("Hello.", PCM)
        assert (await ear.wait(Message)).metadata == {"direct": True}


async def test_tools_called_in_parallel_are_answered_in_order_and_once() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, _):
        first, second, third = await line.call_tools(
            ("find", {"item": "tea"}), ("find", {"item": "bread"}), ("find", {"item": "milk"})
        )
        await ear.wait(AgentEvent, lambda event: event.event["type"] == "tool_end")
        shop.doors["milk"].set()
        await ear.wait(AgentEvent, lambda event: event.event["type"] == "tool_end", count=2)
        assert line.outputs() == []
        shop.doors["tea"].set()
        await line.wait_for("response.create")
        assert [call_id for call_id, _ in line.outputs()] == [first, second, third]
        assert line.sent_kinds()[-4:] == 3 * ["function_call_output"] + ["response.create"]


@pytest.mark.parametrize(
    ("name", "arguments", "reason", "error"),
    [
        ("juggle", {}, "there is no tool named juggle", "ToolFailure"),
        ("find", '{"item": ', "the arguments are not valid JSON", "BadArguments"),
        ("find", {"item": 5}, "item: expected string", "BadArguments"),
        ("fail", {"how": "politely"}, "the shelf is empty", "ToolFailure"),
        ("fail", {"how": "badly"}, "the tool failed", "KeyError"),
        ("dawdle", "", "the tool did not answer within 0.05 s", "ToolFailure"),
    ],
)
async def test_what_goes_wrong_is_told_to_the_model(
    name: str, arguments: Any, reason: str, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with shopping(Shop()) as (_, ear, line, _):
        (call_id,) = await line.call_tools((name, arguments))
        await line.wait_for("response.create")
        assert line.outputs() == [(call_id, json.dumps({"error": reason}))]
        ended = await ear.wait(AgentEvent, lambda event: event.event["type"] == "tool_end")
        assert (ended.event["ok"], ended.event["error"]) == (False, error)
    assert "555-0100" not in capsys.readouterr().out


async def test_results_that_come_while_the_caller_speaks_wait_for_his_turn() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, _):
        (call_id,) = await line.call_tools(("find", {"item": "tea"}))
        await shop.asked.wait()
        await line.speech_started("item_more")
        await heard(ear, "input_audio_buffer.speech_started")
        shop.doors["tea"].set()
        await line.wait_for("conversation.item.create")
        await line.question("And milk?", "item_more")
        await line.answer("Tea is here, and milk there.", PCM)
        answer = await ear.wait(Message, lambda message: message.role == "assistant")
        assert answer.metadata == {"direct": False, "citations": ["tea"]}
        assert [known for known, _ in line.outputs()] == [call_id]
        assert "response.create" not in line.sent_kinds()


async def test_results_that_come_during_another_answer_are_spoken_after_it() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, _):
        await line.call_tools(("find", {"item": "tea"}))
        await line.question("Are you there?")
        await line.answer("Yes, I am.", PCM, finish=False)
        await heard(ear, "response.output_audio_transcript.delta")
        shop.doors["tea"].set()
        await ear.wait(AgentEvent, lambda event: event.event["type"] == "tool_end")
        assert "response.create" not in line.sent_kinds()
        await line.send(
            "response.done", response={"id": line.running, "status": "completed", "output": []}
        )
        await line.wait_for("response.create")


async def test_a_call_that_is_broken_off_is_not_made() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, _):
        await line.call_tools(("find", '{"item": "te'), status="cancelled")
        await line.answer("Go on.", PCM)
        await ear.wait(Message)
        assert kinds(ear) == []
        assert line.outputs() == []


async def test_hanging_up_cancels_the_tools() -> None:
    shop = Shop()
    async with shopping(shop) as (session, ear, line, _):
        await line.call_tools(("find", {"item": "tea"}))
        await shop.asked.wait()
        session.end("hung up")
        await ear.status(Status.DISCONNECTED)
        assert shop.cancelled == ["tea"]
        assert kinds(ear) == ["tool_start"]


async def test_a_filler_is_spoken_while_a_tool_thinks_and_never_twice_in_a_row() -> None:
    shop = Shop()
    said = []
    async with shopping(shop) as (_, _, line, _):
        for number in range(4):
            shop.doors["tea"].clear()
            await line.call_tools(("ponder", {}))
            request = await line.wait_for("response.create", count=2 * number + 1)
            said.append(request["response"]["instructions"])
            assert request["response"]["tool_choice"] == "none"
            await line.answer("One moment.", PCM)
            shop.doors["tea"].set()
            answer = await line.wait_for("response.create", count=2 * number + 2)
            assert "response" not in answer
            await line.answer("I know it.", PCM)
    assert all(a != b for a, b in itertools.pairwise(said))


async def test_calls_and_results_are_told_to_a_fresh_connection() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, model):
        await line.question("Where are bread and tea?")
        done, waits = await line.call_tools(("find", {"item": "bread"}), ("find", {"item": "tea"}))
        await ear.wait(AgentEvent, lambda event: event.event["type"] == "tool_end")
        await line.socket.close()
        fresh = await model.calling_line(1)
        await fresh.wait_for("conversation.item.create", count=4)
        assert sorted(fresh.sent_kinds()[-4:]) == [
            "function_call",
            "function_call",
            "function_call_output",
            "message",
        ]
        assert fresh.answered == [done]
        assert "response.create" not in fresh.sent_kinds()
        shop.doors["tea"].set()
        await fresh.wait_for("response.create")
        assert fresh.answered == [done, waits]
        await fresh.answer("Both are on shelf three.", PCM)
        answer = await ear.wait(Message, lambda message: message.role == "assistant")
        assert answer.metadata["direct"] is False
        failed = [failure.code.value for failure in ear.of(Failed)]
        ear.told.clear()
        assert failed == ["upstream_unavailable"]


async def test_a_call_counts_also_if_the_connection_breaks_before_the_response_ends() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, model):
        (call_id,) = await line.call_tools(("find", {"item": "tea"}), end=False)
        await shop.asked.wait()
        await line.socket.close()
        fresh = await model.calling_line(1)
        await fresh.wait_for("conversation.item.create")
        shop.doors["tea"].set()
        await fresh.wait_for("response.create")
        assert fresh.answered == [call_id]
        ear.told.clear()


async def test_a_tool_may_run_while_the_conversation_moves_to_a_fresh_connection() -> None:
    shop = Shop()
    async with shopping(shop, session_limit=2.0) as (_, ear, line, model):
        await line.question("Where is tea?")
        (call_id,) = await line.call_tools(("find", {"item": "tea"}))
        fresh = await model.calling_line(1)
        await line.socket.wait_closed()
        assert "response.create" not in fresh.sent_kinds()
        shop.doors["tea"].set()
        await fresh.wait_for("response.create")
        assert fresh.answered == [call_id]
        await fresh.answer("On shelf three.", PCM)
        answer = await ear.wait(Message, lambda message: message.role == "assistant")
        assert answer.metadata == {"direct": False, "citations": ["tea"]}


async def test_a_result_that_comes_without_a_connection_reaches_the_next_one() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, model):
        (call_id,) = await line.call_tools(("find", {"item": "tea"}))
        await shop.asked.wait()
        await line.socket.close()
        await ear.status(Status.CONNECTING)
        shop.doors["tea"].set()
        fresh = await model.calling_line(1)
        await fresh.wait_for("response.create")
        assert fresh.answered == [call_id]
        ear.told.clear()


async def test_tools_of_an_mcp_server_join_when_it_answers() -> None:
    server: MCPServer[Any] = MCPServer("warehouse")

    @server.tool()
    def count(item: str) -> int:
        """How many there are."""
        return len(item)

    async with running_mcp_server(server) as url:
        clerk = Agent("clerk", "Count.", tools=(hang_up,), sources=(McpServer(url),))
        async with shopping(AgentSet("store", (clerk,), "clerk", "Tea & Co")) as (_, _, line, _):
            update = (await line.wait_for("session.update", count=2))["session"]
            assert [tool["name"] for tool in update["tools"]] == ["count", "hang_up"]
            (call_id,) = await line.call_tools(("count", {"item": "tea"}))
            await line.wait_for("response.create")
            assert line.outputs() == [(call_id, "3")]


async def test_tools_of_a_session_share_a_memory() -> None:
    shop = Shop()
    async with shopping(shop) as (_, _, line, _):
        for number in (1, 2):
            await line.call_tools(("find", {"item": "bread"}))
            await line.wait_for("response.create", count=number)
            await line.answer("There.", PCM)
        first, second = shop.contexts
        assert first.memory is second.memory
