"""A Realtime server for tests that holds conversations by itself, and by the book: what it sends is
checked as strictly as clients check it, and so is what it is sent.

It hears whether somebody speaks, not what. It answers in a tone; ``story`` in a text asks for an
answer that ends only when it is cut, ``bill`` for a call of its first tool.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pydantic
from openai.types.realtime.realtime_client_event_param import RealtimeClientEventParam
from pydantic import TypeAdapter
from websockets.asyncio.server import ServerConnection

from gateway.core.session_updates import merged
from tests.event_recorder import check
from tests.stand_in import Event, Line, StandIn
from tests.strict_session import RATE, first_session

_CLIENT_EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeClientEventParam)

FRAME = RATE // 50
LOUD = 1_000
"""The peak of a frame in which somebody speaks."""

WORDS = "Somebody spoke."
"""What it understands of any speech."""

ANSWER = "Yes, that is so."
STORY = "Once upon a time there was a story."
ARGUMENTS = '{"city": "Paris"}'

_DELTA = RATE // 10
_TONE = (8_000 * np.sin(np.arange(3 * RATE) * (2 * np.pi * 440 / RATE))).astype("<i2").tobytes()
_LENGTHS = {ANSWER: 0.4, STORY: 3.0}
"""Seconds of an answer's audio."""

_ids = itertools.count(1)


def _id(kind: str) -> str:
    return f"{kind}_strict{next(_ids)}"


class _Answer:
    """A response that runs, and the message in it."""

    def __init__(self, response: Event, text: str) -> None:
        self.response = response
        self.text = text
        self.item = {**_item("message", _id("item"), "in_progress"), "role": "assistant"}
        self.item["content"] = []
        self.at = {"response_id": response["id"], "item_id": self.item["id"], "output_index": 0}
        self.samples = 0


def _without_nulls(event: Event) -> Event:
    """What may be null by the documentation, and by the package's types may not."""
    heard_as = event.get("session", {}).get("audio", {}).get("input", {})
    if heard_as.get("noise_reduction", "") is None:
        session, audio = event["session"], event["session"]["audio"]
        heard_as = {name: of for name, of in heard_as.items() if name != "noise_reduction"}
        return {**event, "session": {**session, "audio": {**audio, "input": heard_as}}}
    return event


def _item(kind: str, item_id: str, status: str = "completed") -> Event:
    return {"id": item_id, "object": "realtime.item", "type": kind, "status": status}


class StrictLine(Line):
    """One connection to it. ``faults``: what it was sent against the rules."""

    def __init__(self, socket: ServerConnection, session: Event) -> None:
        super().__init__(socket)
        self.session = session
        self.faults: list[str] = []
        self.items: dict[str, Event] = {}
        self.spoken: dict[str, int] = {}
        """Milliseconds of audio in each answer."""
        self._running: _Answer | None = None
        self._has_spoken = False
        self._buffered = 0
        """Samples of the caller's that are not committed."""
        self._heard = 0
        """Samples of the caller's in all, as far as they were listened to."""
        self._turn: str | None = None
        self._silence = 0

    async def send(self, kind: str, **fields: Any) -> None:
        check({"type": kind, "event_id": "event_0", **fields})
        await super().send(kind, **fields)

    # -- client events

    async def respond(self, event: Event) -> None:
        event = _without_nulls(event)
        try:
            known = _CLIENT_EVENTS.validate_python(event)
        except pydantic.ValidationError as error:
            await self._refuse(event, "invalid_value", str(error))
            return
        if json.loads(json.dumps(known, default=list)) != event:
            await self._refuse(event, "unknown_parameter", "There are fields that do not exist.")
            return
        match event["type"]:
            case "session.update":
                await self._update(event)
            case "input_audio_buffer.append":
                await self._listen(len(base64.b64decode(event["audio"])) // 2)
            case "input_audio_buffer.commit":
                await self._commit(event)
            case "input_audio_buffer.clear":
                self._buffered, self._turn = 0, None
                await self.send("input_audio_buffer.cleared")
            case "conversation.item.create":
                await self._create_item(event)
            case "conversation.item.retrieve" | "conversation.item.delete":
                await self._look_up(event)
            case "conversation.item.truncate":
                await self._truncate(event)
            case "response.create":
                await self._create_response(event)
            case "response.cancel":
                await self._cancel(event)
            case kind:
                await self._refuse(event, "invalid_value", f"{kind} is not for WebSockets.")

    async def _refuse(self, event: Event, code: str, message: str) -> None:
        self.faults.append(f"{event['type']}: {code}: {message}")
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
        await self.send("error", error={**error, "event_id": event.get("event_id")})

    async def _update(self, event: Event) -> None:
        session = merged(self.session, event["session"])
        voice = session["audio"]["output"]["voice"]
        if self._has_spoken and voice != self.session["audio"]["output"]["voice"]:
            await self._refuse(event, "cannot_update_voice", "It has spoken with another.")
            return
        self.session = session
        await self.send("session.updated", session=session)

    async def _create_item(self, event: Event) -> None:
        item = {**_item("", event["item"].get("id") or _id("item")), **event["item"]}
        if item["type"] == "function_call_output" and not self._waits_for(item["call_id"]):
            await self._refuse(event, "invalid_tool_call_output", "No call waits for that.")
            return
        if item["id"] in self.items:
            await self._refuse(event, "item_exists", f"There is an item {item['id']!r}.")
            return
        await self._add(item)
        await self._finish(item)

    def _waits_for(self, call_id: str) -> bool:
        kinds = [item["type"] for item in self.items.values() if item.get("call_id") == call_id]
        return kinds == ["function_call"]

    async def _add(self, item: Event) -> None:
        previous = next(reversed(self.items), None)
        self.items[item["id"]] = item
        await self.send("conversation.item.added", item=item, previous_item_id=previous)

    async def _finish(self, item: Event) -> None:
        before = list(self.items)
        if item["id"] not in before:
            return  # It was deleted meanwhile.
        at = before.index(item["id"])
        previous = before[at - 1] if at else None
        await self.send("conversation.item.done", item=item, previous_item_id=previous)

    async def _look_up(self, event: Event) -> None:
        item = self.items.get(event["item_id"])
        if item is None:
            await self._refuse(event, "item_not_found", "There is no such item.")
        elif event["type"].endswith("retrieve"):
            await self.send("conversation.item.retrieved", item=item)
        else:
            del self.items[item["id"]]
            await self.send("conversation.item.deleted", item_id=item["id"])

    async def _truncate(self, event: Event) -> None:
        item_id, ms = event["item_id"], event["audio_end_ms"]
        if ms > self.spoken.get(item_id, -1):
            await self._refuse(event, "invalid_value", f"{item_id} has no {ms} ms of audio.")
            return
        self.spoken[item_id] = ms
        at = {"item_id": item_id, "content_index": event["content_index"]}
        await self.send("conversation.item.truncated", audio_end_ms=ms, **at)

    # -- the caller's turns

    async def _listen(self, samples: int) -> None:
        self._buffered += samples
        detection = self.session["audio"]["input"]["turn_detection"]
        while self._heard + FRAME <= len(self.audio) // 2:
            piece = self.audio[2 * self._heard : 2 * (self._heard + FRAME)]
            self._heard += FRAME
            if detection is not None:
                loud = int(np.abs(np.frombuffer(piece, "<i2").astype(int)).max()) >= LOUD
                await self._follow(detection, loud=loud)

    async def _follow(self, detection: Mapping[str, Any], *, loud: bool) -> None:
        self._silence = 0 if loud else self._silence + 20
        if loud and self._turn is None:
            self._turn = _id("item")
            started = {"item_id": self._turn, "audio_start_ms": self._heard // 24}
            await self.send("input_audio_buffer.speech_started", **started)
            if self._running is not None and detection.get("interrupt_response", True):
                await self._end("cancelled", "turn_detected")
        elif self._turn is not None and self._silence >= detection.get("silence_duration_ms", 500):
            stopped = {"item_id": self._turn, "audio_end_ms": self._heard // 24}
            await self.send("input_audio_buffer.speech_stopped", **stopped)
            await self._take_turn(self._turn)
            if self._running is None and detection.get("create_response", True):
                await self._answer({})

    async def _commit(self, event: Event) -> None:
        if self._buffered < RATE // 10:
            await self._refuse(event, "input_audio_buffer_commit_empty", "Less than 100 ms.")
            return
        await self._take_turn(self._turn or _id("item"))

    async def _take_turn(self, item_id: str) -> None:
        seconds, self._buffered, self._turn = self._buffered / RATE, 0, None
        previous = next(reversed(self.items), None)
        await self.send("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
        content = [{"type": "input_audio", "transcript": None}]
        item = {**_item("message", item_id), "role": "user", "content": content}
        await self._add(item)
        await self._finish(item)
        if self.session["audio"]["input"]["transcription"] is None:
            return
        content[0]["transcript"] = WORDS
        kind = "conversation.item.input_audio_transcription"
        at = {"item_id": item_id, "content_index": 0}
        await self.send(f"{kind}.delta", delta=WORDS, **at)
        usage = {"type": "duration", "seconds": seconds}
        await self.send(f"{kind}.completed", transcript=WORDS, usage=usage, **at)

    # -- answers

    async def _create_response(self, event: Event) -> None:
        asked = event.get("response") or {}
        if self._running is not None and asked.get("conversation") != "none":
            await self._refuse(event, "conversation_already_has_active_response", "One runs.")
            return
        await self._answer(asked)

    async def _answer(self, asked: Mapping[str, Any]) -> None:
        output = self.session["audio"]["output"]
        beside = asked.get("conversation") == "none"
        response = {
            "object": "realtime.response",
            "id": _id("resp"),
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "conversation_id": None if beside else "conv_strict",
            "output_modalities": asked.get("output_modalities", self.session["output_modalities"]),
            "max_output_tokens": "inf",
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "usage": None,
            "metadata": asked.get("metadata"),
        }
        await self.send("response.created", response=response)
        await self.send(
            "rate_limits.updated",
            rate_limits=[{"name": "tokens", "limit": 9, "remaining": 8, "reset_seconds": 0.5}],
        )
        last = next(reversed(self.items.values()), {})
        words = " ".join(part.get("text") or "" for part in last.get("content", ()))
        tools = self.session["tools"]
        if tools and "bill" in words and not beside:
            await self._call(response, tools[0]["name"])
            return
        running = _Answer(response, STORY if "story" in words else ANSWER)
        await self._begin(running, beside=beside)
        if running.text == STORY and not beside:
            self._running = running
        else:
            await self._end("completed", of=running, beside=beside)

    async def _begin(self, answer: _Answer, *, beside: bool) -> None:
        at, item = answer.at, answer.item
        whole = {"response_id": answer.response["id"], "output_index": 0}
        await self.send("response.output_item.added", item=item, **whole)
        if not beside:
            await self._add(item)
        part = {**at, "content_index": 0}
        if answer.response["output_modalities"] == ["text"]:
            await self.send(
                "response.content_part.added", part={"type": "text", "text": ""}, **part
            )
            await self.send("response.output_text.delta", delta=answer.text, **part)
            return
        empty = {"type": "audio", "transcript": ""}
        await self.send("response.content_part.added", part=empty, **part)
        await self.send("response.output_audio_transcript.delta", delta=answer.text, **part)
        self._has_spoken = True
        length = round(_LENGTHS[answer.text] * RATE)
        for start in range(0, length, _DELTA):
            pcm = _TONE[2 * start : 2 * min(start + _DELTA, length)]
            delta = base64.b64encode(pcm).decode()
            await self.send("response.output_audio.delta", delta=delta, **part)
        self.spoken[item["id"]] = length * 1000 // RATE

    async def _cancel(self, event: Event) -> None:
        running = self._running
        wanted = event.get("response_id")
        if running is None or (wanted is not None and wanted != running.response["id"]):
            message = "Cancellation failed: no active response found."
            await self._refuse(event, "response_cancel_not_active", message)
            return
        await self._end("cancelled", "client_cancelled")

    async def _end(
        self,
        status: str,
        reason: str | None = None,
        *,
        of: _Answer | None = None,
        beside: bool = False,
    ) -> None:
        answer = of or self._running
        assert answer is not None
        if answer is self._running:
            self._running = None
        part = {**answer.at, "content_index": 0}
        if answer.response["output_modalities"] == ["text"]:
            told: Event = {"type": "text", "text": answer.text}
            content = {"type": "output_text", "text": answer.text}
            await self.send("response.output_text.done", text=answer.text, **part)
        else:
            told = {"type": "audio", "transcript": answer.text}
            content = {"type": "output_audio", "transcript": answer.text}
            await self.send("response.output_audio.done", **part)
            await self.send("response.output_audio_transcript.done", transcript=answer.text, **part)
        await self.send("response.content_part.done", part=told, **part)
        answer.item["content"] = [content]
        answer.item["status"] = "completed" if status == "completed" else "incomplete"
        if not beside:
            await self._finish(answer.item)
        await self._done(answer.response, answer.item, status, reason)

    async def _call(self, response: Event, name: str) -> None:
        call = {"call_id": _id("call"), "name": name}
        item = {**_item("function_call", _id("item"), "in_progress"), **call, "arguments": ""}
        whole = {"response_id": response["id"], "output_index": 0}
        at = {**whole, "item_id": item["id"], "call_id": call["call_id"]}
        await self.send("response.output_item.added", item=item, **whole)
        await self._add(item)
        kind = "response.function_call_arguments"
        await self.send(f"{kind}.delta", delta=ARGUMENTS, **at)
        await self.send(f"{kind}.done", arguments=ARGUMENTS, name=name, **at)
        item |= {"arguments": ARGUMENTS, "status": "completed"}
        await self._finish(item)
        await self._done(response, item, "completed", None)

    async def _done(self, response: Event, item: Event, status: str, reason: str | None) -> None:
        whole = {"response_id": response["id"], "output_index": 0}
        await self.send("response.output_item.done", item=item, **whole)
        usage = {
            "total_tokens": 30,
            "input_tokens": 10,
            "output_tokens": 20,
            "input_token_details": {"text_tokens": 10, "audio_tokens": 0, "cached_tokens": 0},
            "output_token_details": {"text_tokens": 5, "audio_tokens": 15},
        }
        details = None if reason is None else {"type": status, "reason": reason}
        done = {"status": status, "status_details": details, "output": [item], "usage": usage}
        await self.send("response.done", response={**response, **done})


class StrictModel(StandIn):
    """Use as :class:`StandIn`; ``faults`` of its lines stay empty where nothing wrong was sent."""

    def _session(self) -> Event:
        return self._last_session

    def new_line(self, socket: ServerConnection) -> Line:
        self._last_session = first_session()
        return StrictLine(socket, self._last_session)

    def take_faults(self) -> list[str]:
        """What was against the rules since the last time."""
        found = []
        for line in self.lines:
            assert isinstance(line, StrictLine)
            found += line.faults
            line.faults.clear()
        return found
