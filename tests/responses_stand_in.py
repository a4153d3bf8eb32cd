"""A stand-in for OpenAI's Responses API that is strict: requests are validated with the types of
the ``openai`` package, and by the rules that those types cannot tell.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web
from openai.types.responses import FunctionToolParam, Response, ResponseInputParam
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError

Json = dict[str, Any]
Script = Callable[[Json], Awaitable[Json | web.Response]]
"""Answers one request: a ``Response`` object, or any HTTP response."""

_REQUEST: TypeAdapter[Any] = TypeAdapter(ResponseCreateParamsNonStreaming)
_INPUT: TypeAdapter[Any] = TypeAdapter(ResponseInputParam)
# Those of the package ignore what they do not know; the real API refuses it.
_TOOL: TypeAdapter[Any] = TypeAdapter(list[FunctionToolParam])
_RESPONSE: TypeAdapter[Response] = TypeAdapter(Response)

KEY = "sk-stand-in"


def message(text: str) -> Json:
    """An answer's last item."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def call(name: str, arguments: str, call_id: str = "call_1") -> Json:
    """A wish to have a function called."""
    return {
        "type": "function_call",
        "id": f"fc_{call_id}",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def reasoning() -> Json:
    """What a reasoning model thought, which it wants to see again."""
    return {"type": "reasoning", "id": "rs_1", "summary": []}


def response(*output: Json, status: str = "completed") -> Json:
    """An answer, checked as the package would read it."""
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "some-model",
        "status": status,
        "output": list(output),
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }
    _RESPONSE.validate_python(body)
    return body


def broken_rules(body: Json) -> list[str]:
    """What OpenAI would refuse about a request."""
    broken = []
    try:
        _REQUEST.validate_python(body, extra="forbid")
        _INPUT.validate_python(body["input"], extra="forbid")
        _TOOL.validate_python(body["tools"], strict=True, extra="forbid")
    except (ValidationError, KeyError) as error:
        return [str(error)]
    called: list[str] = []
    for item in body["input"]:
        match item.get("type"):
            case "function_call":
                called.append(item["call_id"])
            case "function_call_output" if item["call_id"] not in called:
                broken.append(f"no call of the output {item['call_id']}")
            case "function_call_output":
                called.remove(item["call_id"])
    broken += [f"no output of the call {call_id}" for call_id in called]
    for tool in body["tools"]:
        schema = tool["parameters"]
        if schema.get("additionalProperties") is not False:
            broken.append(f"{tool['name']}: additionalProperties")
        if schema.get("required") != list(schema.get("properties", {})):
            broken.append(f"{tool['name']}: required")
    return broken


class ResponsesStandIn:
    """``requests``: all that came, in order; ``broken``: what was wrong with them; ``keys``: those
    that were shown.
    """

    def __init__(self) -> None:
        self.requests: list[Json] = []
        self.broken: list[str] = []
        self.keys: set[str] = set()
        self.url = ""
        self._script: list[Script | Json | web.Response] = []

    def will(self, *answers: Script | Json | web.Response) -> None:
        """Answer the next requests so; a function is given the request."""
        self._script.extend(answers)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        self.broken += broken_rules(body)
        self.keys.add(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if not self._script:
            self.broken.append("a request too many")
            return web.Response(status=400)
        told = self._script.pop(0)
        if callable(told):
            told = await told(body)
        return told if isinstance(told, web.Response) else web.json_response(told)


def refusal(status: int, retry_after: str = "0.01") -> web.Response:
    """An error as OpenAI words it; it quotes the key, as OpenAI does."""
    error = {"message": f"Rejected: {KEY}", "type": "error", "param": None, "code": None}
    headers = {"retry-after": retry_after}
    return web.json_response({"error": error}, status=status, headers=headers)


async def never(_: Json) -> Json:
    """No answer until the client goes away."""
    await asyncio.Event().wait()
    raise AssertionError


@contextlib.asynccontextmanager
async def responses_stand_in() -> AsyncIterator[ResponsesStandIn]:
    """One that serves on loopback, and whose rules nobody broke."""
    stand_in = ResponsesStandIn()
    app = web.Application()
    app.router.add_post("/v1/responses", stand_in.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield stand_in
    finally:
        await runner.cleanup()
    assert not stand_in.broken, "\n".join(stand_in.broken)
