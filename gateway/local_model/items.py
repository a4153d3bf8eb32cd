"""Client items to items of the conversation: what each role may say, and audio to be understood."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.local_model.audio import RECOGNITION_RATE, AudioFormat
from gateway.local_model.client_events import (
    ContentPart,
    FunctionCallItem,
    FunctionCallOutputItem,
    MessageItem,
    ProtocolError,
    decode_audio,
)
from gateway.local_model.conversation import Item, Part
from gateway.local_model.utterance import Piece, Utterance
from gateway.media.resample import resample

_ALLOWED = {
    "user": ("input_text", "input_audio", "input_image"),
    "assistant": ("output_text", "output_audio"),
    "system": ("input_text",),
}

ClientItem = MessageItem | FunctionCallItem | FunctionCallOutputItem


def item_from(client_item: ClientItem, item_id: str, audio_format: AudioFormat, param: str) -> Item:
    """The item to insert; audio in it is in ``audio_format``, its text not yet known.

    Raises `ProtocolError` (located below ``param``) for content its role cannot have.
    """
    match client_item:
        case FunctionCallItem():
            call: dict[str, str | None] = {
                "name": client_item.name,
                "arguments": client_item.arguments,
                "call_id": client_item.call_id,
            }
            return Item(item_id, "function_call", call=call)
        case FunctionCallOutputItem():
            call = {"call_id": client_item.call_id, "output": client_item.output}
            return Item(item_id, "function_call_output", call=call)
    allowed = _ALLOWED[client_item.role]
    parts = []
    for index, content in enumerate(client_item.content):
        where = f"{param}.content[{index}]"
        if content.type not in allowed:
            raise ProtocolError(
                "invalid_value",
                f"Invalid value for '{where}.type': a message of the {client_item.role} "
                f"has {' or '.join(allowed)}.",
                f"{where}.type",
            )
        parts.append(_part_from(content, audio_format, where))
    return Item(item_id, "message", client_item.role, parts=parts)


def _part_from(content: ContentPart, audio_format: AudioFormat, param: str) -> Part:
    if content.type == "input_image":
        # Pictures are not looked at, so they are not kept either.
        return Part("input_image")
    if content.type == "input_audio":
        audio = decode_audio(_required(content.audio, f"{param}.audio"), f"{param}.audio")
        audio = audio[: len(audio) - len(audio) % audio_format.sample_size]
        return audio_part(audio, audio_format)
    if content.type == "output_audio":
        words = content.transcript
        return Part("output_audio", text=_required(words, f"{param}.transcript"))
    return Part(content.type, text=_required(content.text, f"{param}.text"))


def _required(value: str | None, param: str) -> str:
    if value is None:
        raise ProtocolError(
            "missing_required_parameter", f"Missing required parameter: '{param}'.", param
        )
    return value


def audio_part(audio: bytes, audio_format: AudioFormat) -> Part:
    """The caller's audio as a part of an item."""
    samples = len(audio) // audio_format.sample_size
    return Part("input_audio", format=audio_format, audio=bytearray(audio), samples=samples)


def utterance_of(part: Part) -> tuple[Utterance, Sequence[Piece]]:
    """A part's audio as a finished utterance and the pieces of it to be recognised."""
    samples = part.format.decode(bytes(part.audio))
    utterance = Utterance()
    pieces = utterance.extend(resample(samples, part.format.rate, RECOGNITION_RATE))
    last = utterance.finish()
    return utterance, [*pieces, last] if last else pieces
