"""A stand-in that calls tools, and is as strict as OpenAI about what it is sent: shapes by the
``openai`` package's own types, outputs of known calls only, one response at a time, one voice.
"""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

from openai.types.realtime import RealtimeServerEvent
from openai.types.realtime.realtime_client_event_param import RealtimeClientEventParam
from pydantic import TypeAdapter
from websockets.asyncio.server import ServerConnection

from tests.stand_in import Event, Line, StandIn

_CLIENT_EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeClientEventParam)
_SERVER_EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

_ids = itertools.count(1)


class CallingLine(Line):
    """One connection to it. ``faults``: what it was sent against the rules."""

    def __init__(self, socket: ServerConnection) -> None:
        super().__init__(socket)
        self.faults: list[str] = []
        self.calls: set[str] = set()
        """Calls in its conversation."""
        self.answered: list[str] = []
        """Those it knows the output of, in order."""
        self.running: str | None = None
        self.voice: str | None = None
        self.has_spoken = False

    async def respond(self, event: Event) -> None:
        known = _CLIENT_EVENTS.validate_python(event)
        if json.loads(json.dumps(known, default=list)) != event:
            self.faults.append(f"{event['type']} has fields that there are not")
        match event["type"]:
            case "conversation.item.create":
                await self._take_item(event["item"])
            case "response.create" if self.running is not None:
                await self.refuse("conversation_already_has_active_response", event)
            case "session.update":
                output = event["session"].get("audio", {}).get("output", {})
                voice = output.get("voice", self.voice)
                if self.has_spoken and voice != self.voice:
                    await self.refuse("cannot_update_voice", event)
                    return
                self.voice = voice
        await super().respond(event)

    async def _take_item(self, item: Event) -> None:
        if item["type"] == "function_call":
            self.calls.add(item["call_id"])
        if item["type"] == "function_call_output":
            if item["call_id"] not in self.calls or item["call_id"] in self.answered:
                self.faults.append(f"an output of {item['call_id']}, which waits for none")
            self.answered.append(item["call_id"])
        added = {"object": "realtime.item", "status": "completed", **item}
        await self.send("conversation.item.added", item=added, previous_item_id=None)

    async def refuse(self, code: str, event: Event) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": code}
        await self.send("error", error={**error, "event_id": event.get("event_id")})
        self.faults.append(code)

    async def send(self, kind: str, **fields: Any) -> None:
        if kind == "response.created":
            self.running = fields["response"]["id"]
        if kind == "response.done":
            self.running = None
        if kind == "response.output_audio.delta":
            self.has_spoken = True
        if kind.startswith(("response.function_call", "response.output_item")):
            _SERVER_EVENTS.validate_python({"type": kind, "event_id": "event_0", **fields})
        await super().send(kind, **fields)

    async def call_tools(
        self, *calls: tuple[str, Any], status: str = "completed", words: str = "", end: bool = True
    ) -> list[str]:
        """A response that calls tools: names, and arguments as JSON or as the text given. Returns
        the call ids.

        :param status: of the response; its calls are whole in a ``completed`` one only.
        :param words: what the agent says before it calls.
        :param end: whether the response ends.
        """
        response_id = f"resp_call_{next(_ids)}"
        await self.send("response.created", response={"id": response_id, "status": "in_progress"})
        spoken = [await self._speak(response_id, words)] if words else []
        items = [
            await self._call(response_id, index, name, arguments, broken=status != "completed")
            for index, (name, arguments) in enumerate(calls)
        ]
        if end:
            done = {"id": response_id, "status": status, "output": spoken + items}
            await self.send("response.done", response=done)
        return [item["call_id"] for item in items]

    async def _speak(self, response_id: str, words: str) -> Event:
        item_id = f"item_words_{next(_ids)}"
        item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
        ids = {"response_id": response_id, "item_id": item_id, "output_index": 0}
        await self.send(
            "response.output_item.added", item=item, response_id=response_id, output_index=0
        )
        delta = base64.b64encode(b"\1\0" * 2400).decode()
        await self.send("response.output_audio.delta", content_index=0, delta=delta, **ids)
        await self.send(
            "response.output_audio_transcript.done", content_index=0, transcript=words, **ids
        )
        await self.send(
            "response.output_item.done", item=item, response_id=response_id, output_index=0
        )
        return item

    async def _call(
        self, response_id: str, index: int, name: str, arguments: Any, *, broken: bool
    ) -> Event:
        number = next(_ids)
        item_id, call_id = f"item_call_{number}", f"call_{number}"
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        ids = {"response_id": response_id, "output_index": index}
        item = {"id": item_id, "type": "function_call", "call_id": call_id, "name": name}
        started = {**item, "arguments": "", "status": "in_progress"}
        await self.send("response.output_item.added", item=started, **ids)
        await self.send("conversation.item.added", item=started, previous_item_id=None)
        self.calls.add(call_id)
        if not broken:
            call = {"item_id": item_id, "call_id": call_id, "name": name, **ids}
            await self.send("response.function_call_arguments.done", arguments=text, **call)
        status = "incomplete" if broken else "completed"
        ended = {**item, "arguments": text, "status": status}
        await self.send("response.output_item.done", item=ended, **ids)
        return ended

    def outputs(self) -> list[Any]:
        """What tools answered so far: ``(call_id, text)``."""
        return [
            (event["item"]["call_id"], event["item"]["output"])
            for event in self.received
            if event["type"] == "conversation.item.create"
            and event["item"]["type"] == "function_call_output"
        ]

    def sent_kinds(self) -> list[str]:
        """Client events in short, from the first item or response on."""
        return [
            event["item"]["type"] if event["type"] == "conversation.item.create" else event["type"]
            for event in self.received
        ]


class CallingModel(StandIn):
    """Use as :class:`StandIn`; it leaves only if nothing it was sent was against the rules."""

    def new_line(self, socket: ServerConnection) -> Line:
        return CallingLine(socket)

    async def calling_line(self, number: int = 0) -> CallingLine:
        line = await self.line(number)
        assert isinstance(line, CallingLine)
        return line

    @property
    def faults(self) -> list[str]:
        return [
            fault for line in self.lines if isinstance(line, CallingLine) for fault in line.faults
        ]
