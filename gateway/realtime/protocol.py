"""The OpenAI Realtime GA protocol: the only place in the gateway that spells its names.

Server events are plain dictionaries, as they came; :func:`normalise` renames what servers of the
beta protocol still send. Builders return the client events of https://platform.openai.com/docs/api-reference/realtime-client-events.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final

Event = dict[str, Any]

# Server events.
ERROR: Final = "error"
SESSION_CREATED: Final = "session.created"
SESSION_UPDATED: Final = "session.updated"
SPEECH_STARTED: Final = "input_audio_buffer.speech_started"
SPEECH_STOPPED: Final = "input_audio_buffer.speech_stopped"
COMMITTED: Final = "input_audio_buffer.committed"
ITEM_ADDED: Final = "conversation.item.added"
ITEM_DELETED: Final = "conversation.item.deleted"
INPUT_DELTA: Final = "conversation.item.input_audio_transcription.delta"
INPUT_COMPLETED: Final = "conversation.item.input_audio_transcription.completed"
INPUT_FAILED: Final = "conversation.item.input_audio_transcription.failed"
RESPONSE_CREATED: Final = "response.created"
RESPONSE_DONE: Final = "response.done"
OUTPUT_ITEM_ADDED: Final = "response.output_item.added"
OUTPUT_ITEM_DONE: Final = "response.output_item.done"
AUDIO_DELTA: Final = "response.output_audio.delta"
AUDIO_DONE: Final = "response.output_audio.done"
AUDIO_TRANSCRIPT_DELTA: Final = "response.output_audio_transcript.delta"
AUDIO_TRANSCRIPT_DONE: Final = "response.output_audio_transcript.done"
TEXT_DELTA: Final = "response.output_text.delta"
TEXT_DONE: Final = "response.output_text.done"

_BETA_NAMES: Final = {
    "response.audio.delta": AUDIO_DELTA,
    "response.audio.done": AUDIO_DONE,
    "response.audio_transcript.delta": AUDIO_TRANSCRIPT_DELTA,
    "response.audio_transcript.done": AUDIO_TRANSCRIPT_DONE,
    "response.text.delta": TEXT_DELTA,
    "response.text.done": TEXT_DONE,
    "conversation.item.created": ITEM_ADDED,
}

RESPONSE_RUNNING: Final = "conversation_already_has_active_response"
"""Error code: a second response was asked for while one ran."""

HARMLESS_ERRORS: Final = frozenset({RESPONSE_RUNNING, "response_cancel_not_active"})
"""Errors that only say that two messages crossed on the wire."""

FATAL_ERRORS: Final = frozenset(
    {"invalid_api_key", "insufficient_quota", "model_not_found", "account_deactivated"}
)
"""Errors after which no further connection can succeed."""


def normalise(event: Event) -> Event:
    """``event`` under its GA name."""
    name = _BETA_NAMES.get(event.get("type", ""))
    return event if name is None else {**event, "type": name}


# Client events.


def append_frame(pcm: bytes | bytearray) -> bytes:
    """``input_audio_buffer.append`` as the bytes of a text frame.

    Built by hand: fifty times a second and call, a JSON encoder would look at every character of
    the base64 again.
    """
    return (
        b'{"type":"input_audio_buffer.append","audio":"'
        + binascii.b2a_base64(pcm, newline=False)
        + b'"}'
    )


def session_update(session: Mapping[str, Any]) -> Event:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def audio_session(
    *,
    instructions: str,
    voice: str,
    transcription_model: str,
    turn_detection: Mapping[str, Any] | None,
    language: str | None = None,
) -> Event:
    """The ``session`` object of a spoken conversation: PCM16 at 24 kHz both ways."""
    transcription = {"model": transcription_model}
    if language:
        transcription["language"] = language
    return {
        "instructions": instructions,
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": transcription,
                "turn_detection": turn_detection,
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": voice},
        },
    }


def turn_detection_update(turn_detection: Mapping[str, Any] | None) -> Event:
    return session_update({"audio": {"input": {"turn_detection": turn_detection}}})


def commit() -> Event:
    return {"type": "input_audio_buffer.commit"}


def clear() -> Event:
    return {"type": "input_audio_buffer.clear"}


def message_item(role: str, text: str, item_id: str | None = None) -> Event:
    """``conversation.item.create`` with a text message of ``user`` or ``assistant``."""
    kind = "output_text" if role == "assistant" else "input_text"
    item: Event = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    if item_id is not None:
        item["id"] = item_id
    return {"type": "conversation.item.create", "item": item}


def delete_item(item_id: str) -> Event:
    return {"type": "conversation.item.delete", "item_id": item_id}


def truncate_item(item_id: str, content_index: int, audio_end_ms: int) -> Event:
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    }


def create_response(event_id: str, response: Mapping[str, Any]) -> Event:
    event: Event = {"type": "response.create", "event_id": event_id}
    if response:
        event["response"] = dict(response)
    return event


def cancel_response(response_id: str) -> Event:
    return {"type": "response.cancel", "response_id": response_id}
