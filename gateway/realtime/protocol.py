"""The OpenAI Realtime GA protocol: the only place in the gateway that spells its names.

Server events are plain dictionaries, as they came; :func:`normalise` renames what servers of the
beta protocol still send. Builders return the client events of https://platform.openai.com/docs/api-reference/realtime-client-events.
"""

from __future__ import annotations

import binascii
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.core.tool_calls import ToolCall, ToolOutput

Event = dict[str, Any]

# Server events.
ERROR: Final = "error"
SESSION_CREATED: Final = "session.created"
SESSION_UPDATED: Final = "session.updated"
SPEECH_STARTED: Final = "input_audio_buffer.speech_started"
SPEECH_STOPPED: Final = "input_audio_buffer.speech_stopped"
COMMITTED: Final = "input_audio_buffer.committed"
ITEM_ADDED: Final = "conversation.item.added"
ITEM_DONE: Final = "conversation.item.done"
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
ARGUMENTS_DONE: Final = "response.function_call_arguments.done"

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

SESSION_EXPIRED: Final = "session_expired"
"""Error code: the connection reached its maximum duration, and is about to be closed."""

COMMIT_EMPTY: Final = "input_audio_buffer_commit_empty"
"""Error code: there was too little audio to commit."""

VOICE_FIXED: Final = "cannot_update_voice"
"""Error code: a ``session.update`` was refused as it changes a voice that was heard."""

HARMLESS_ERRORS: Final = frozenset(
    {RESPONSE_RUNNING, "response_cancel_not_active", SESSION_EXPIRED, VOICE_FIXED}
)
"""Errors that only say that two messages crossed on the wire, or that the gateway deals with."""

TRANSCRIPTIONS: Final = frozenset({INPUT_DELTA, INPUT_COMPLETED, INPUT_FAILED})
"""Events that put the caller's words into text."""

_SIGNS_OF_LIFE: Final = ("input_audio_buffer.", "response.")

FATAL_ERRORS: Final = frozenset(
    {"invalid_api_key", "insufficient_quota", "model_not_found", "account_deactivated"}
)
"""Errors after which no further connection can succeed."""


def is_sign_of_life(kind: str) -> bool:
    """Whether an event of this type means that somebody spoke, or did something."""
    return kind.startswith(_SIGNS_OF_LIFE) or kind in TRANSCRIPTIONS


def text_of(content: Sequence[Mapping[str, Any]]) -> str:
    """The text in the parts of a message."""
    return " ".join(part["text"] for part in content if part.get("text"))


def pcm_of(event: Event) -> bytes | None:
    """The PCM16 of an audio delta; None: it is not base64.

    :raises KeyError, TypeError: there is none.
    """
    try:
        return binascii.a2b_base64(event["delta"])
    except binascii.Error:
        return None


def new_item_id() -> str:
    """For an item of ours."""
    return f"item_{secrets.token_hex(12)}"


def item_id(event: Event) -> str:
    """The id of the item an event is about, or nothing."""
    item = event.get("item")
    found = item.get("id") if isinstance(item, dict) else event.get("item_id")
    return found if isinstance(found, str) else ""


def response_id(event: Event) -> str:
    """The id of the response that ``response.created`` or ``.done`` tells of, or nothing."""
    match event:
        case {"response": {"id": str(found)}}:
            return found
    return ""


def output_ids(event: Event) -> Iterator[str]:
    """The ids of the items that a ``response.done`` tells of."""
    match event:
        case {"response": {"output": list(items)}}:
            for item in items:
                match item:
                    case {"id": str(item_id)}:
                        yield item_id


def said_nothing(event: Event) -> bool:
    """Whether a ``response.done`` tells of a response that came to its end without a message."""
    match event:
        case {"response": {"status": "completed", "output": list(items)}}:
            return not any(isinstance(i, dict) and i.get("type") == "message" for i in items)
    return False


def voice_in_force(event: Event) -> str | None:
    """The voice that a ``session.updated`` confirms."""
    match event:
        case {"session": {"audio": {"output": {"voice": str(voice)}}}}:
            return voice
    return None


def for_client(event: Event) -> Event:
    """An event without what is the agents' alone: their instructions and tools, what tools
    answered, and what the gateway tells them.
    """
    match event:
        case {"session": dict(session)}:
            hidden = ("instructions", "tools")
            return {**event, "session": {k: v for k, v in session.items() if k not in hidden}}
        case {"item": {"type": "function_call_output"} as item}:
            return {**event, "item": {**item, "output": ""}}
        case {"item": {"type": "message", "role": "system"} as item}:
            return {**event, "item": {**item, "content": []}}
    return event


def function_calls(event: Event) -> Iterator[tuple[str, ToolCall]]:
    """The calls of tools that an event tells of in full, each with the id of its response. Servers
    tell of a call up to three times.
    """
    match event:
        case {"type": "response.function_call_arguments.done", "response_id": str(response_id)}:
            items = [{**event, "type": "function_call", "id": event.get("item_id")}]
        case {
            "type": "response.output_item.done",
            "response_id": str(response_id),
            "item": dict(item),
        }:
            items = [item]
        case {
            "type": "response.done",
            "response": {"id": str(response_id), "output": list(items)},
        }:
            pass
        case _:
            return
    for item in items:
        match item:
            case {"type": "function_call", "status": "incomplete" | "in_progress"}:
                pass
            case {
                "type": "function_call",
                "id": str(own_id),
                "call_id": str(call_id),
                "name": str(name),
                "arguments": str(arguments),
            }:
                yield response_id, ToolCall(call_id, name, arguments, own_id)


def error_code(event: Event) -> str | None:
    """The ``code`` of an ``error`` event."""
    error = event.get("error")
    return error.get("code") if isinstance(error, dict) else None


def expires_in(event: Event, unix_time: float) -> float | None:
    """Seconds until the server ends the connection, by its ``session.created``; None: it does not
    say, or its clock is not ours.
    """
    session = event.get("session")
    expires_at = session.get("expires_at") if isinstance(session, dict) else None
    if not isinstance(expires_at, int | float) or expires_at <= unix_time + 1:
        return None
    return expires_at - unix_time


def normalise(event: Event) -> Event:
    """``event`` under its GA name."""
    name = _BETA_NAMES.get(event.get("type", ""))
    return event if name is None else {**event, "type": name}


# Client events.

APPEND: Final = "input_audio_buffer.append"

CONFIGURATION_ID: Final = "talkpath_session"
"""``event_id`` of a ``session.update`` of the gateway's own."""

ROOT: Final = "root"
"""``previous_item_id`` of the first item."""


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


def append(pcm: bytes) -> Event:
    """``input_audio_buffer.append`` as an event; live audio goes by :func:`append_frame`.

    Its ``audio`` is still PCM16, which :func:`encode` spares the JSON encoder.
    """
    return {"type": APPEND, "audio": pcm}


def encode(event: Mapping[str, Any]) -> bytes:
    """A client event as the bytes of a text frame."""
    return append_frame(event["audio"]) if event["type"] == APPEND else json.dumps(event).encode()


def session_update(session: Mapping[str, Any]) -> Event:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def audio_session(
    *,
    instructions: str,
    voice: str,
    transcription_model: str,
    turn_detection: Mapping[str, Any] | None,
    language: str | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
) -> Event:
    """The ``session`` object of a spoken conversation: PCM16 at 24 kHz both ways."""
    transcription = {"model": transcription_model}
    if language:
        transcription["language"] = language
    return {
        "instructions": instructions,
        "output_modalities": ["audio"],
        "tools": [dict(tool) for tool in tools],
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


def message_item(
    role: str, text: str, item_id: str | None = None, previous_item_id: str | None = None
) -> Event:
    """``conversation.item.create`` with a text message of ``user``, ``assistant`` or ``system``.

    :param previous_item_id: the item before it, or :data:`ROOT`; None: it comes last.
    """
    kind = "output_text" if role == "assistant" else "input_text"
    item: Event = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    if item_id is not None:
        item["id"] = item_id
    return _create_item(item, previous_item_id)


def function_call_item(call: ToolCall, previous_item_id: str | None = None) -> Event:
    """``conversation.item.create`` with a call that the model made on another connection."""
    item = {
        "type": "function_call",
        "id": call.item_id,
        "call_id": call.call_id,
        "name": call.name,
        "arguments": call.arguments,
    }
    return _create_item(item, previous_item_id)


def function_output_item(output: ToolOutput, previous_item_id: str | None = None) -> Event:
    """``conversation.item.create`` with what a tool answered."""
    item = {
        "type": "function_call_output",
        "id": output.item_id,
        "call_id": output.call_id,
        "output": output.text,
    }
    return _create_item(item, previous_item_id)


def _create_item(item: Event, previous_item_id: str | None) -> Event:
    event: Event = {"type": "conversation.item.create", "item": item}
    if previous_item_id is not None:
        event["previous_item_id"] = previous_item_id
    return event


_SAY_EXACTLY: Final = "Say only these words, as they stand, and nothing else: "


def say_exactly(phrase: str) -> Event:
    """The ``response`` object that makes a model say a phrase, and do nothing else."""
    return {"instructions": f'{_SAY_EXACTLY}"{phrase}"', "tool_choice": "none"}


def phrase_to_say(instructions: str) -> str | None:
    """The phrase of :func:`say_exactly`, for a model that has no other way to follow it."""
    if not instructions.startswith(f'{_SAY_EXACTLY}"'):
        return None
    return instructions.removeprefix(_SAY_EXACTLY)[1:-1]


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
