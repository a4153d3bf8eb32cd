"""What a client of the Realtime protocol may send, checked as far as the gateway itself needs it.

The rest is left to the model's server, which knows fields that this gateway does not. A mistake is
told the way OpenAI's server does: a code, one sentence, the path of the parameter, and the
``event_id`` that the client gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.strict_json import TooMuch, loads_bounded
from gateway.realtime.protocol import APPEND, Event

UPDATE: Final = "session.update"
COMMIT: Final = "input_audio_buffer.commit"
CLEAR: Final = "input_audio_buffer.clear"
CLEAR_OUTPUT: Final = "output_audio_buffer.clear"
CREATE_ITEM: Final = "conversation.item.create"
RETRIEVE_ITEM: Final = "conversation.item.retrieve"
DELETE_ITEM: Final = "conversation.item.delete"
TRUNCATE_ITEM: Final = "conversation.item.truncate"
CREATE_RESPONSE: Final = "response.create"
CANCEL_RESPONSE: Final = "response.cancel"

MAX_DEPTH: Final = 64
"""Objects and lists within each other."""

MAX_EVENT_ID: Final = 512


@dataclass(frozen=True, slots=True)
class _Field:
    kind: type
    required: bool = True


_ITEM_ID = {"item_id": _Field(str)}

CLIENT_EVENTS: Final[Mapping[str, Mapping[str, _Field]]] = {
    UPDATE: {"session": _Field(dict)},
    APPEND: {"audio": _Field(str)},
    COMMIT: {},
    CLEAR: {},
    CLEAR_OUTPUT: {},
    CREATE_ITEM: {"item": _Field(dict), "previous_item_id": _Field(str, required=False)},
    RETRIEVE_ITEM: _ITEM_ID,
    DELETE_ITEM: _ITEM_ID,
    TRUNCATE_ITEM: {**_ITEM_ID, "content_index": _Field(int), "audio_end_ms": _Field(int)},
    CREATE_RESPONSE: {"response": _Field(dict, required=False)},
    CANCEL_RESPONSE: {"response_id": _Field(str, required=False)},
}
"""The client events by their type, and the fields that the gateway looks into."""

_NAMES: Final = {str: "a string", int: "an integer", dict: "an object"}


class ClientEventError(Exception):
    """A client's mistake, or a wish that is not granted.

    :ivar param: path of the parameter that is to blame.
    :ivar event_id: the client's, of the event that was wrong.
    """

    def __init__(
        self, code: str, message: str, param: str | None = None, event_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.param, self.event_id = code, message, param, event_id


def parse(message: str | bytes) -> Event:
    """One message to an event.

    :raises ClientEventError: it is none, or lacks what its type needs.
    """
    if isinstance(message, bytes):
        raise ClientEventError("invalid_json", "Events are JSON in text messages, not binary.")
    try:
        event = loads_bounded(message)
    except TooMuch:
        raise ClientEventError("invalid_value", "The event has too many values.") from None
    except ValueError:
        raise ClientEventError("invalid_json", "The message is not valid JSON.") from None
    if not isinstance(event, dict):
        raise ClientEventError("invalid_json", "An event is a JSON object.")
    event_id = event.get("event_id")
    try:
        _check(event)
    except ClientEventError as error:
        error.event_id = event_id if isinstance(event_id, str) else None
        raise
    return event


def _check(event: Event) -> None:
    event_id = event.get("event_id")
    if event_id is not None and not (isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID):
        raise ClientEventError(
            "invalid_value",
            f"Invalid 'event_id': expected a string of {MAX_EVENT_ID} characters at most.",
            "event_id",
        )
    if "type" not in event:
        raise missing("type")
    kind = event["type"]
    if not isinstance(kind, str) or kind not in CLIENT_EVENTS:
        raise ClientEventError(
            "invalid_value",
            f"Invalid value: {str(kind)[:64]!r}. Supported values are: "
            f"{', '.join(repr(name) for name in CLIENT_EVENTS)}.",
            "type",
        )
    for name, field in CLIENT_EVENTS[kind].items():
        _check_field(event, name, field)
    if kind != APPEND and _is_deeper(event, MAX_DEPTH):
        raise ClientEventError("invalid_value", "The event has objects too deep within each other.")
    if kind == CREATE_ITEM and not isinstance(event["item"].get("type"), str):
        raise missing("item.type")


def _check_field(event: Event, name: str, field: _Field) -> None:
    value = event.get(name)
    if value is None:
        if field.required:
            raise missing(name)
        return
    # A bool is an int to Python.
    if type(value) is not field.kind:
        raise ClientEventError(
            "invalid_type", f"Invalid type for '{name}': expected {_NAMES[field.kind]}.", name
        )
    if isinstance(value, int) and value < 0:
        raise ClientEventError("invalid_value", f"Invalid '{name}': expected 0 or more.", name)


def missing(param: str) -> ClientEventError:
    return ClientEventError(
        "missing_required_parameter", f"Missing required parameter: '{param}'.", param
    )


def _is_deeper(value: dict[str, Any] | list[Any], depth: int) -> bool:
    items = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(
        _is_deeper(item, depth - 1) for item in items if isinstance(item, dict | list)
    )
