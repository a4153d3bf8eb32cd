"""What agents do with the call: end it, pass it on, hand it to one another."""

from __future__ import annotations

import json
from typing import Any

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.call_tools import hang_up, transfer_call
from gateway.agents.sets import retail
from gateway.core.events import AgentEvent, Message, Status
from tests.shopping import PCM, Shop, kinds, shopping

# -- the call itself


def leaving() -> AgentSet:
    guest = Agent("guest", "Leave early.", tools=(hang_up, transfer_call))
    return AgentSet("party", (guest,), "guest", "Tea & Co")


async def test_hanging_up_waits_until_the_goodbye_is_heard() -> None:
    async with shopping(leaving()) as (session, ear, line, _):
        await line.call_tools(("hang_up", {"reason": "all done"}))
        await line.wait_for("response.create")
        item_id = await line.answer("Goodbye, and thank you.", PCM * 5)
        ended = await ear.status(Status.DISCONNECTED)
        assert ended.reason == session.end_reason == "the agent hung up"
        (goodbye,) = ear.of(Message)
        assert (goodbye.item_id, goodbye.content) == (item_id, "Goodbye, and thank you.")
        assert "interrupted" not in goodbye.data
        assert kinds(ear) == ["tool_start", "hang_up", "tool_end"]


async def test_an_agent_who_said_goodbye_is_not_asked_to_say_it_again() -> None:
    async with shopping(leaving()) as (_, ear, line, _):
        await line.call_tools(("hang_up", {"reason": "all done"}), words="Goodbye.")
        await ear.status(Status.DISCONNECTED)
        assert "response.create" not in line.sent_kinds()


async def test_a_caller_who_goes_on_is_not_hung_up_on() -> None:
    async with shopping(leaving()) as (session, ear, line, _):
        await line.call_tools(("hang_up", {"reason": "all done"}))
        await line.wait_for("response.create")
        await line.answer("Goodbye.", PCM * 20)
        await line.question("Wait!")
        await line.answer("Yes?", PCM)
        await ear.wait(Message, lambda message: message.content == "Yes?")
        session.say("Are you there?")
        await line.wait_for("response.create", count=2)
        await line.answer("I am.", PCM)
        await ear.wait(Message, lambda message: message.content == "I am.")
        assert not session.ended


async def test_a_transfer_that_the_call_cannot_make_is_told_to_the_model() -> None:
    async with shopping(leaving()) as (_, _, line, _):
        (call_id,) = await line.call_tools(("transfer_call", {"target": "+12065550100"}))
        await line.wait_for("response.create")
        reason = "a transfer is not possible on this kind of call"
        assert line.outputs() == [(call_id, json.dumps({"error": reason}))]


# -- hand-offs


async def test_a_hand_off_changes_instructions_tools_and_voice() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, _):
        await line.call_tools(("transfer_to_cook", {"rationale": "recipe", "context": "soup"}))
        update = (await line.wait_for("session.update", count=2))["session"]
        assert (update["instructions"], update["tools"]) == ("Cook.", [])
        assert update["audio"]["output"]["voice"] == "ash"
        await line.wait_for("response.create")
        assert line.sent_kinds()[-3:] == [
            "session.update",
            "function_call_output",
            "response.create",
        ]
        await line.answer("Take onions.", PCM)
        assert (await ear.wait(Message)).agent == "cook"
        handoff = await ear.wait(AgentEvent, lambda event: event.event["type"] == "handoff")
        assert handoff.event == {"type": "handoff", "from": "clerk", "to": "cook"}


async def test_a_voice_that_was_heard_stays() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, _):
        await line.answer("Welcome.", PCM)
        await ear.wait(Message)
        await line.call_tools(("transfer_to_cook", {"rationale": "recipe", "context": "soup"}))
        update = (await line.wait_for("session.update", count=2))["session"]
        assert update["instructions"] == "Cook."
        assert update["audio"]["output"]["voice"] == "marin"


async def test_a_voice_that_the_model_refuses_takes_nothing_else_with_it() -> None:
    async with shopping(Shop()) as (session, ear, line, _):
        await line.answer("Welcome.", PCM)
        await ear.wait(Message)
        session.update(voice="ash", instructions="Whisper.")
        update = (await line.wait_for("session.update", count=3))["session"]
        assert update["audio"]["output"]["voice"] == "marin"
        assert update["instructions"] == "Whisper."
        assert line.faults == ["cannot_update_voice"]
        line.faults.clear()


async def test_the_agent_who_has_the_call_keeps_it_on_a_fresh_connection() -> None:
    shop = Shop()
    async with shopping(shop) as (_, ear, line, model):
        await line.call_tools(("transfer_to_cook", {"rationale": "recipe", "context": "soup"}))
        await line.wait_for("response.create")
        await line.socket.close()
        fresh = await model.calling_line(1)
        assert (await fresh.wait_for("session.update"))["session"]["instructions"] == "Cook."
        ear.told.clear()


async def test_a_clients_instructions_are_for_the_agent_who_has_the_call() -> None:
    shop = Shop()
    async with shopping(shop) as (session, _, line, _):
        session.update(instructions="Whisper.")
        update = await line.wait_for("session.update", count=2)
        assert update["session"]["instructions"] == "Whisper."
        await line.call_tools(("transfer_to_cook", {"rationale": "recipe", "context": "soup"}))
        update = await line.wait_for("session.update", count=3)
        assert update["session"]["instructions"] == "Cook."


async def test_who_was_verified_by_one_agent_is_known_to_the_next() -> None:
    async with shopping(retail.AGENTS) as (_, ear, line, _):

        async def outcome(name: str, arguments: dict[str, str]) -> Any:
            count = len(line.outputs()) + 1
            await line.call_tools((name, arguments))
            await line.wait_for("conversation.item.create", count=count)
            return json.loads(line.outputs()[-1][1])

        async def answered(name: str, arguments: dict[str, str]) -> Any:
            result = await outcome(name, arguments)
            await line.wait_for("response.create", count=len(line.outputs()))
            await line.answer("Well.", PCM)
            return result

        caller = {"phone_number": "206 555 0143", "date_of_birth": "1988-03-14"}
        handoff = {"rationale": "a return", "context": "a jacket that is too small"}
        wish = {"order_number": "R-2101", "condition": "unused", "story": "It is too small."}
        assert "error" in await answered("list_orders", {}), "not a tool of the first agent"
        assert (await answered("transfer_to_returns", handoff))["agent"] == "returns"
        assert await answered("list_orders", {}) == {"error": "the caller was not verified yet"}
        await answered("transfer_to_authentication", handoff)
        verified = await answered("verify_caller", {**caller, "card_digits": "4417"})
        assert verified == {"verified": True, "name": "Mara Lindqvist"}
        await answered("transfer_to_returns", handoff)
        decided = await outcome("decide_return", wish)
        assert decided["decision"]["accepted"] is True
        handoffs = [e.event for e in ear.of(AgentEvent) if e.event["type"] == "handoff"]
        assert [event["to"] for event in handoffs] == ["returns", "authentication", "returns"]
