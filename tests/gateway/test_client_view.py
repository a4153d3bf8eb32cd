from __future__ import annotations

from typing import Any

from gateway.client_view import AgentsView

AGENTS_CALL: dict[str, Any] = {"id": "a", "type": "function_call", "name": "lookup", "call_id": "1"}
CLIENTS_CALL: dict[str, Any] = {**AGENTS_CALL, "id": "b", "name": "weather", "call_id": "2"}


def view() -> AgentsView:
    return AgentsView(lambda name: name == "weather")


def test_agents_calls_are_not_seen() -> None:
    seen = view()
    added = {"type": "response.output_item.added", "item": AGENTS_CALL}
    assert seen(added) is None
    arguments = {"type": "response.function_call_arguments.done", "item_id": "a"}
    assert seen(arguments) is None
    words = {"id": "c", "type": "message"}
    done = {"type": "response.done", "response": {"output": [words, AGENTS_CALL, CLIENTS_CALL]}}
    shown = seen(done)
    assert shown is not None
    assert shown["response"]["output"] == [words, CLIENTS_CALL]
    output = {"type": "function_call_output", "call_id": "1", "output": "secret"}
    assert seen({"type": "conversation.item.added", "item": output}) is None


def test_the_clients_own_are() -> None:
    seen = view()
    added = {"type": "response.output_item.added", "item": CLIENTS_CALL}
    assert seen(added) == added
    arguments = {"type": "response.function_call_arguments.done", "item_id": "b"}
    assert seen(arguments) == arguments
    output = {"type": "function_call_output", "call_id": "2", "output": "rain"}
    told = {"type": "conversation.item.added", "item": output}
    assert seen(told) == told


def test_a_session_shows_neither_instructions_nor_tools_of_agents() -> None:
    tools = [{"name": "lookup"}, {"name": "weather"}]
    session = {"instructions": "a", "prompt": {}, "tools": tools, "model": "m"}
    shown = view()({"type": "session.updated", "session": session})
    assert shown is not None
    assert shown["session"] == {"tools": [{"name": "weather"}], "model": "m"}


def test_what_the_gateway_tells_the_model_is_not_seen() -> None:
    item = {"type": "message", "role": "system", "content": [{"text": "secret"}]}
    shown = view()({"type": "conversation.item.added", "item": item})
    assert shown is not None
    assert shown["item"]["content"] == []
