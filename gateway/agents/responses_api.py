"""OpenAI's Responses API, or any server that speaks it, as a model that reasons in text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import openai
from openai.types.responses import Response, ResponseFunctionToolCall

from gateway.agents.spending import spend
from gateway.agents.text_model import Brief, Call, Result, Step, TextModelError
from gateway.core.usage import Tokens

REQUEST_TIMEOUT = 15.0
"""Seconds that one request may take."""

_RETRIES = 1
"""After a connection that failed, 408, 409, 429 and 5xx; the caller waits meanwhile."""

_MOST_OUTPUT_TOKENS = 2_000


class ResponsesModel:
    """A text model behind ``POST {base_url}/responses``. One for all sessions; close it at the end.

    :param key: None: the server wants none.
    :param base_url: as ``https://api.openai.com/v1``.
    """

    def __init__(self, model: str, key: str | None, base_url: str) -> None:
        self._model = model
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url,
            timeout=REQUEST_TIMEOUT,
            max_retries=_RETRIES,
        )

    async def close(self) -> None:
        await self._client.close()

    def think(self, brief: Brief) -> ResponsesThought:
        """See :class:`gateway.agents.text_model.Thinker`."""
        return ResponsesThought(self, brief)

    async def answer(self, instructions: str, question: str) -> str:
        """See :class:`gateway.agents.text_model.TextModel`."""
        response = await self.create(instructions, [{"role": "user", "content": question}], [])
        return _text_of(response)

    async def create(self, instructions: str, items: Sequence[Any], tools: list[Any]) -> Response:
        """One request.

        :raises TextModelError: no usable answer.
        """
        try:
            response = await self._client.responses.create(
                model=self._model,
                instructions=instructions,
                input=list(items),
                tools=tools,
                parallel_tool_calls=False,
                max_output_tokens=_MOST_OUTPUT_TOKENS,
            )
        except openai.APITimeoutError:
            raise TextModelError("the text model did not answer in time") from None
        except openai.APIStatusError as error:
            # Its message may quote the key.
            raise TextModelError(f"the text model refused (HTTP {error.status_code})") from None
        except (openai.OpenAIError, json.JSONDecodeError):
            raise TextModelError("the text model cannot be reached") from None
        if not isinstance(response, Response):
            raise TextModelError("the text model's answer is none")
        spend(self._model, _tokens_of(response))
        if response.status not in (None, "completed"):
            raise TextModelError(f"the text model's answer is {response.status}")
        return response


class ResponsesThought:
    """One brief; see :class:`gateway.agents.text_model.Thought`."""

    def __init__(self, model: ResponsesModel, brief: Brief) -> None:
        self._model = model
        self._instructions = brief.instructions
        self._tools = [tool.strict_definition for tool in brief.tools]
        self._items: list[Any] = [
            {"role": line.role, "content": line.text} for line in brief.conversation
        ]
        note = f"From the agent on the call, about the caller's last line: {brief.context}"
        self._items.append({"role": "developer", "content": note})

    async def step(self, results: Sequence[Result] = ()) -> Step:
        """See :class:`gateway.agents.text_model.Thought`."""
        for result in results:
            self._items.append(
                {
                    "type": "function_call_output",
                    "call_id": result.call.call_id,
                    "output": result.output,
                }
            )
        response = await self._model.create(self._instructions, self._items, self._tools)
        # Also what the model thought, which it wants to see again together with its calls.
        self._items += [item.model_dump(exclude_none=True) for item in response.output]
        calls = [
            Call(item.call_id, item.name, item.arguments)
            for item in response.output
            if isinstance(item, ResponseFunctionToolCall)
        ]
        return Step(calls) if calls else Step(text=_text_of(response))


def _tokens_of(response: Response) -> Tokens:
    # Servers leave out what the library's types promise.
    usage = {} if response.usage is None else response.usage.model_dump()
    details = usage.get("input_tokens_details") or {}
    return Tokens(
        text_in=usage.get("input_tokens") or 0,
        text_cached=details.get("cached_tokens") or 0,
        text_out=usage.get("output_tokens") or 0,
    )


def _text_of(response: Response) -> str:
    text = response.output_text.strip()
    if not text:
        raise TextModelError("the text model said nothing")
    return text
