"""Server events that the gateway makes itself, for clients of the Realtime protocol."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Literal

from gateway.core.output_buffer import BufferEvent
from gateway.realtime.protocol import (
    AUDIO_DELTA,
    RESPONSE_DONE,
    SESSION_CREATED,
    SESSION_UPDATED,
    Event,
)

ErrorType = Literal["invalid_request_error", "server_error"]


def _event(kind: str, **fields: Any) -> Event:
    return {"type": kind, "event_id": f"event_{secrets.token_hex(12)}", **fields}


def session_created(session: Mapping[str, Any]) -> Event:
    return _event(SESSION_CREATED, session=session)


def session_updated(session: Mapping[str, Any]) -> Event:
    return _event(SESSION_UPDATED, session=session)


def error(
    code: str,
    message: str,
    param: str | None = None,
    event_id: str | None = None,
    kind: ErrorType = "invalid_request_error",
) -> Event:
    """:param event_id: the client's, of the event that was wrong."""
    details = {
        "type": kind,
        "code": code,
        "message": message,
        "param": param,
        "event_id": event_id,
    }
    return _event("error", error=details)


def output_audio_buffer(what: BufferEvent, response_id: str) -> Event:
    return _event(f"output_audio_buffer.{what.value}", response_id=response_id)


def item_truncated(item_id: str, content_index: int, audio_end_ms: int) -> Event:
    return _event(
        "conversation.item.truncated",
        item_id=item_id,
        content_index=content_index,
        audio_end_ms=audio_end_ms,
    )


def empty_item_retrieved(item_id: str) -> Event:
    """An answer of which nothing was heard."""
    item = {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "role": "assistant",
        "status": "incomplete",
        "content": [{"type": "output_audio", "transcript": ""}],
    }
    return _event("conversation.item.retrieved", item=item)


def dtmf_received(key: str, received_at: int) -> Event:
    """:param received_at: seconds since 1970."""
    return _event("input_audio_buffer.dtmf_event_received", event=key, received_at=received_at)


def response_lost(response: Event, message: str) -> Event:
    """The end of a response that the server will not tell of any more.

    :param response: as it was told in ``response.created``.
    """
    error = {"type": "server_error", "code": "upstream_unavailable", "message": message}
    ended = {
        **response,
        "status": "failed",
        "status_details": {"type": "failed", "error": error},
        "output": response.get("output") or [],
    }
    return _event(RESPONSE_DONE, response=ended)


def audio_delta(like: Event, audio: str) -> Event:
    """More audio of the content part that an event is about; ``audio``: base64."""
    same = ("response_id", "item_id", "output_index", "content_index")
    return _event(AUDIO_DELTA, delta=audio, **{name: like[name] for name in same if name in like})
