"""What the server says: every Realtime GA server event the embedded model sends.

The only place here that spells their names. Each function returns the event without its
``event_id``, which the session adds when it sends it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Event = dict[str, Any]
Json = Mapping[str, Any]


def session_created(session: Json) -> Event:
    return {"type": "session.created", "session": session}


def session_updated(session: Json) -> Event:
    return {"type": "session.updated", "session": session}


def error(
    code: str,
    message: str,
    param: str | None,
    event_id: str | None,
    kind: Literal["invalid_request_error", "server_error"] = "invalid_request_error",
) -> Event:
    """``event_id`` is the client's, of the event that was wrong."""
    return {
        "type": "error",
        "error": {
            "type": kind,
            "code": code,
            "message": message,
            "param": param,
            "event_id": event_id,
        },
    }


def speech_started(item_id: str, audio_start_ms: int) -> Event:
    return {
        "type": "input_audio_buffer.speech_started",
        "audio_start_ms": audio_start_ms,
        "item_id": item_id,
    }


def speech_stopped(item_id: str, audio_end_ms: int) -> Event:
    return {
        "type": "input_audio_buffer.speech_stopped",
        "audio_end_ms": audio_end_ms,
        "item_id": item_id,
    }


def timeout_triggered(item_id: str, audio_start_ms: int, audio_end_ms: int) -> Event:
    return {
        "type": "input_audio_buffer.timeout_triggered",
        "audio_start_ms": audio_start_ms,
        "audio_end_ms": audio_end_ms,
        "item_id": item_id,
    }


def committed(item_id: str, previous_item_id: str | None) -> Event:
    return {
        "type": "input_audio_buffer.committed",
        "item_id": item_id,
        "previous_item_id": previous_item_id,
    }


def cleared() -> Event:
    return {"type": "input_audio_buffer.cleared"}


def item_added(item: Json, previous_item_id: str | None) -> Event:
    return {
        "type": "conversation.item.added",
        "previous_item_id": previous_item_id,
        "item": item,
    }


def item_done(item: Json, previous_item_id: str | None) -> Event:
    return {
        "type": "conversation.item.done",
        "previous_item_id": previous_item_id,
        "item": item,
    }


def item_retrieved(item: Json) -> Event:
    return {"type": "conversation.item.retrieved", "item": item}


def item_deleted(item_id: str) -> Event:
    return {"type": "conversation.item.deleted", "item_id": item_id}


def item_truncated(item_id: str, content_index: int, audio_end_ms: int) -> Event:
    return {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    }


def transcription_delta(item_id: str, content_index: int, delta: str) -> Event:
    return {
        "type": "conversation.item.input_audio_transcription.delta",
        "item_id": item_id,
        "content_index": content_index,
        "delta": delta,
    }


def transcription_completed(
    item_id: str, content_index: int, transcript: str, seconds: float
) -> Event:
    """``seconds`` of audio is what the recogniser's use is measured in."""
    return {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": item_id,
        "content_index": content_index,
        "transcript": transcript,
        "usage": {"type": "duration", "seconds": round(seconds, 3)},
    }


def transcription_failed(item_id: str, content_index: int, message: str) -> Event:
    return {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": item_id,
        "content_index": content_index,
        "error": {"type": "server_error", "code": "transcription_failed", "message": message},
    }


def response_created(response: Json) -> Event:
    return {"type": "response.created", "response": response}


def response_done(response: Json) -> Event:
    return {"type": "response.done", "response": response}


def rate_limits_updated(rate_limits: Sequence[Json]) -> Event:
    return {"type": "rate_limits.updated", "rate_limits": list(rate_limits)}


def output_item_added(response_id: str, item: Json, output_index: int = 0) -> Event:
    return {
        "type": "response.output_item.added",
        "response_id": response_id,
        "output_index": output_index,
        "item": item,
    }


def output_item_done(response_id: str, item: Json, output_index: int = 0) -> Event:
    return {
        "type": "response.output_item.done",
        "response_id": response_id,
        "output_index": output_index,
        "item": item,
    }


def function_call_arguments_delta(
    response_id: str, item_id: str, output_index: int, call_id: str, delta: str
) -> Event:
    return {
        "type": "response.function_call_arguments.delta",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": output_index,
        "call_id": call_id,
        "delta": delta,
    }


def function_call_arguments_done(
    response_id: str, item_id: str, output_index: int, call: Json
) -> Event:
    """``call``: `name`, `call_id` and `arguments`."""
    return {
        "type": "response.function_call_arguments.done",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": output_index,
        **call,
    }


@dataclass(frozen=True)
class OutputPart:
    """The one content part of a response, and the events that are about it."""

    response_id: str
    item_id: str

    def _about(self, kind: str, **fields: object) -> Event:
        return {
            "type": kind,
            "response_id": self.response_id,
            "item_id": self.item_id,
            "output_index": 0,
            "content_index": 0,
            **fields,
        }

    def added(self, part: Json) -> Event:
        return self._about("response.content_part.added", part=part)

    def done(self, part: Json) -> Event:
        return self._about("response.content_part.done", part=part)

    def audio_delta(self, audio: bytes) -> Event:
        return self._about(
            "response.output_audio.delta", delta=base64.b64encode(audio).decode("ascii")
        )

    def audio_done(self) -> Event:
        return self._about("response.output_audio.done")

    def transcript_delta(self, delta: str) -> Event:
        return self._about("response.output_audio_transcript.delta", delta=delta)

    def transcript_done(self, transcript: str) -> Event:
        return self._about("response.output_audio_transcript.done", transcript=transcript)

    def text_delta(self, delta: str) -> Event:
        return self._about("response.output_text.delta", delta=delta)

    def text_done(self, text: str) -> Event:
        return self._about("response.output_text.done", text=text)
