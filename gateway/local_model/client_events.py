"""What a client may send: every Realtime GA client event as a validated type.

`parse` turns a WebSocket message into one of them or raises `ProtocolError`, which says what was
wrong the way OpenAI's own server does (a code, a sentence, the parameter's path, and the client's
``event_id`` where it gave one).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from gateway.local_model.settings import AnyAudioFormat, VoiceName

MOST_APPENDED = 15 * 1024 * 1024
"""Bytes of audio in one ``input_audio_buffer.append``."""
_LONGEST_TEXT = 100_000
"""Characters in one text part."""


class ProtocolError(Exception):
    """A client's mistake, answered by an ``error`` event."""

    def __init__(
        self, code: str, message: str, param: str | None = None, event_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.param, self.event_id = code, message, param, event_id


class _Exact(BaseModel):
    """No conversions, no fields the protocol does not have."""

    model_config = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


class _Lenient(BaseModel):
    """No conversions; items carry fields of the server's own when clients send them back."""

    model_config = ConfigDict(
        strict=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True
    )


Text = Annotated[str, Field(max_length=_LONGEST_TEXT)]
ItemId = Annotated[str, Field(min_length=1, max_length=64)]


class ContentPart(_Lenient):
    """One part of a message, client side; which fields count depends on ``type``."""

    type: Literal["input_text", "input_audio", "input_image", "output_text", "output_audio"]
    text: Text | None = None
    transcript: Text | None = None
    audio: str | None = None
    image_url: str | None = None


class MessageItem(_Lenient):
    """A message of the user, the assistant or the system."""

    type: Literal["message"]
    role: Literal["user", "assistant", "system"]
    content: list[ContentPart] = Field(max_length=100)
    id: ItemId | None = None


class FunctionCallItem(_Lenient):
    """A call the model made, put back into the conversation by the client."""

    type: Literal["function_call"]
    name: Text
    arguments: Text
    call_id: str | None = None
    id: ItemId | None = None


class FunctionCallOutputItem(_Lenient):
    """What a tool answered."""

    type: Literal["function_call_output"]
    call_id: str
    output: Text
    id: ItemId | None = None


class ItemReference(_Lenient):
    """An item of the conversation, by its id (only in a response's ``input``)."""

    type: Literal["item_reference"]
    id: ItemId


def _item_type(value: Any) -> str | None:
    return value.get("type") if isinstance(value, Mapping) else None


NewItem = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[FunctionCallItem, Tag("function_call")]
    | Annotated[FunctionCallOutputItem, Tag("function_call_output")],
    Discriminator(
        _item_type,
        custom_error_type="item_type_unknown",
        custom_error_message="the types are 'message', 'function_call' and 'function_call_output'",
    ),
]
ContextItem = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[FunctionCallItem, Tag("function_call")]
    | Annotated[FunctionCallOutputItem, Tag("function_call_output")]
    | Annotated[ItemReference, Tag("item_reference")],
    Discriminator(
        _item_type,
        custom_error_type="item_type_unknown",
        custom_error_message=(
            "the types are 'message', 'function_call', 'function_call_output' and 'item_reference'"
        ),
    ),
]


class ClientEvent(_Exact):
    """Any event; ``event_id`` is echoed in an error it causes."""

    type: str
    event_id: str | None = None


class SessionUpdate(ClientEvent):
    """``session`` holds only what is to change; `settings.SessionSettings.updated` validates it."""

    session: dict[str, Any]


class AudioAppend(ClientEvent):
    """``audio`` is base64 of the session's input format."""

    audio: str

    def decoded(self) -> bytes:
        """The audio's bytes. Raises `ProtocolError` for what is not base64 or is too much."""
        return decode_audio(self.audio, "audio")


class AudioCommit(ClientEvent):
    """End of a turn in push-to-talk."""


class AudioClear(ClientEvent):
    """Drop what was appended."""


class OutputAudioClear(ClientEvent):
    """Only for WebRTC and SIP; answered by an error."""


class ItemCreate(ClientEvent):
    """Insert an item after ``previous_item_id`` (``root``: first; absent: last)."""

    item: NewItem
    previous_item_id: str | None = None


class ItemRetrieve(ClientEvent):
    """Ask for an item, audio included."""

    item_id: str


class ItemDelete(ClientEvent):
    """Take an item out of the conversation."""

    item_id: str


class ItemTruncate(ClientEvent):
    """Cut an assistant's audio at what was heard, in ms of that audio."""

    item_id: str
    content_index: int = Field(ge=0)
    audio_end_ms: int = Field(ge=0)


class ResponseAudioOutput(_Exact):
    """A response's own format and voice."""

    format: AnyAudioFormat | None = None
    voice: VoiceName | None = None


class ResponseAudio(_Exact):
    """``audio`` of a response."""

    output: ResponseAudioOutput | None = None


class ResponseOptions(_Exact):
    """What one response overrides of its session."""

    audio: ResponseAudio | None = None
    conversation: Literal["auto", "none"] | None = None
    input: list[ContextItem] | None = Field(default=None, max_length=1000)
    instructions: Text | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] | None = None
    metadata: dict[str, Annotated[str, Field(max_length=512)]] | None = Field(
        default=None, max_length=16
    )
    output_modalities: (
        Annotated[list[Literal["text", "audio"]], Field(min_length=1, max_length=1)] | None
    ) = None
    parallel_tool_calls: bool | None = None
    prompt: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    tool_choice: str | dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None


class ResponseCreate(ClientEvent):
    """Ask for an answer."""

    response: ResponseOptions | None = None


class ResponseCancel(ClientEvent):
    """Stop a response: the given one, or the conversation's."""

    response_id: str | None = None


_EVENTS: dict[str, type[ClientEvent]] = {
    "session.update": SessionUpdate,
    "input_audio_buffer.append": AudioAppend,
    "input_audio_buffer.commit": AudioCommit,
    "input_audio_buffer.clear": AudioClear,
    "output_audio_buffer.clear": OutputAudioClear,
    "conversation.item.create": ItemCreate,
    "conversation.item.retrieve": ItemRetrieve,
    "conversation.item.delete": ItemDelete,
    "conversation.item.truncate": ItemTruncate,
    "response.create": ResponseCreate,
    "response.cancel": ResponseCancel,
}


def parse(message: str | bytes) -> ClientEvent:
    """One WebSocket message to an event. Raises `ProtocolError`, and nothing else."""
    if isinstance(message, bytes):
        raise ProtocolError("invalid_json", "Events are JSON in text messages, not binary.")
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        raise ProtocolError("invalid_json", "The message is not valid JSON.") from None
    if not isinstance(event, dict):
        raise ProtocolError("invalid_json", "An event is a JSON object.")
    claimed_id = event.get("event_id")
    event_id = claimed_id if isinstance(claimed_id, str) else None
    try:
        return _validated(event)
    except ProtocolError as error:
        error.event_id = event_id
        raise


def _validated(event: dict[str, Any]) -> ClientEvent:
    kind = event.get("type")
    if kind is None:
        raise ProtocolError(
            "missing_required_parameter", "Missing required parameter: 'type'.", "type"
        )
    model = _EVENTS.get(kind) if isinstance(kind, str) else None
    if model is None:
        names = ", ".join(f"'{name}'" for name in _EVENTS)
        raise ProtocolError(
            "invalid_value", f"Invalid value for 'type'. Supported values are: {names}.", "type"
        )
    try:
        return model.model_validate(event)
    except ValidationError as error:
        raise_protocol_error(error)


def raise_protocol_error(error: ValidationError, prefix: tuple[str, ...] = ()) -> NoReturn:
    """A validation error as the `ProtocolError` of its first finding, below ``prefix``."""
    finding = error.errors(include_url=False, include_input=False)[0]
    param = _path((*prefix, *finding["loc"]))
    match finding["type"]:
        case "missing":
            raise ProtocolError(
                "missing_required_parameter", f"Missing required parameter: '{param}'.", param
            ) from None
        case "extra_forbidden":
            raise ProtocolError(
                "unknown_parameter", f"Unknown parameter: '{param}'.", param
            ) from None
        case kind if kind.endswith("_type"):
            raise ProtocolError(
                "invalid_type", f"Invalid type for '{param}': {finding['msg']}.", param
            ) from None
        case _:
            raise ProtocolError(
                "invalid_value", f"Invalid value for '{param}': {finding['msg']}.", param
            ) from None


_UNION_TAGS = {
    *("message", "function_call", "function_call_output", "item_reference"),
    *("server_vad", "semantic_vad", "audio/pcm", "audio/pcmu", "audio/pcma"),
    *("constrained-int", "literal['inf']", "constrained-str", "CustomVoice"),
    *("str", "dict[str,any]"),
}
"""Which member of a union was tried; part of pydantic's location, not of the client's JSON."""


def _path(location: tuple[str | int, ...]) -> str:
    """``("session", "tools", 0)`` as ``session.tools[0]``."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step not in _UNION_TAGS:
            path += f".{step}" if path else step
    return path


def decode_audio(text: str, param: str) -> bytes:
    """Base64 to bytes. Raises `ProtocolError` for what is not base64 or exceeds the limit."""
    try:
        audio = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError(
            "invalid_value", f"Invalid '{param}'. Expected base64-encoded audio bytes.", param
        ) from None
    if len(audio) > MOST_APPENDED:
        raise ProtocolError(
            "string_above_max_length",
            f"Invalid '{param}'. At most {MOST_APPENDED} bytes of audio are accepted at once.",
            param,
        )
    return audio
