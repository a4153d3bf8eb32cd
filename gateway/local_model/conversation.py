"""The conversation: items in order, as the Realtime protocol has them. Sans-IO."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.local_model.audio import AudioFormat
from gateway.local_model.dialogue import Turn

ROOT = "root"
"""`previous_item_id` of an item that is to be the first."""

_MOST_ITEMS = 1_000
"""Beyond it the oldest item is forgotten, as a model forgets what leaves its context."""

_MOST_AUDIO = 4 * 1024 * 1024
"""Bytes of audio kept for `conversation.item.retrieve`. One retrieved item, in base64, then fits
the 8 MiB that clients accept in a message; beyond it the oldest audio is forgotten."""

PartType = Literal["input_text", "input_audio", "input_image", "output_text", "output_audio"]


class ItemError(Exception):
    """An item that is not there, is there already, or cannot be cut so; the message says which."""


@dataclass(eq=False)
class Part:
    """One part of a message. Audio counts its whole length even when its bytes are forgotten."""

    type: PartType
    text: str | None = None
    """Text, or audio's transcript for the client; None where it has none, or after a truncation."""
    understood: str = ""
    """What the recogniser made of the caller's audio, whether or not the client is told."""
    format: AudioFormat = AudioFormat.PCM
    audio: bytearray = field(default_factory=bytearray)
    samples: int = 0
    spoken: list[tuple[str, int]] = field(default_factory=list)
    """The agent's sentences, and the sample of the audio each ends at."""
    truncated: bool = False

    @property
    def is_audio(self) -> bool:
        """Whether it is sound, heard or spoken."""
        return self.type in ("input_audio", "output_audio")

    @property
    def duration_ms(self) -> int:
        """Length of the audio, a started millisecond counted whole."""
        return -(-self.samples * 1000 // self.format.rate)

    @property
    def words(self) -> str:
        """What was said as far as it was heard."""
        if self.type == "input_audio":
            return self.understood or self.text or ""
        if self.type == "output_audio" and self.truncated:
            return " ".join(sentence for sentence, end in self.spoken if end <= self.samples)
        return self.text or ""

    def add_sentence(self, sentence: str, end: int) -> str:
        """The agent's next sentence, whose audio ends at sample ``end``; returns what is new."""
        delta = f" {sentence}" if self.spoken else sentence
        self.spoken.append((sentence, end))
        if not self.truncated:
            self.text = (self.text or "") + delta
        return delta

    def append_audio(self, audio: bytes) -> None:
        """More of the agent's speech; nothing is added behind a truncation."""
        if not self.truncated:
            self.audio += audio
            self.samples += len(audio) // self.format.sample_size

    def truncate(self, audio_end_ms: int) -> None:
        """Cut the audio; its transcript goes, since more stands in it than was heard."""
        self.samples = min(self.samples, audio_end_ms * self.format.rate // 1000)
        del self.audio[self.samples * self.format.sample_size :]
        self.text, self.truncated = None, True

    def as_json(self, *, with_audio: bool) -> dict[str, Any]:
        """The protocol's content part; ``audio`` only where it is asked for and still kept."""
        if not self.is_audio:
            return {"type": self.type, "text": self.text or ""}
        part: dict[str, Any] = {"type": self.type, "transcript": self.text}
        if with_audio and self.audio:
            part["audio"] = base64.b64encode(self.audio).decode("ascii")
        return part


Role = Literal["user", "assistant", "system"]
ItemType = Literal["message", "function_call", "function_call_output"]
Status = Literal["in_progress", "completed", "incomplete"]


@dataclass(eq=False)
class Item:
    """A message, a function call, or a function's output."""

    id: str
    type: ItemType = "message"
    role: Role | None = None
    status: Status = "completed"
    parts: list[Part] = field(default_factory=list)
    call: dict[str, str | None] = field(default_factory=dict)
    """`name`, `call_id`, `arguments` or `output` of the two function types."""

    def as_json(self, *, with_audio: bool = False) -> dict[str, Any]:
        """The protocol's item."""
        item = {"id": self.id, "object": "realtime.item", "type": self.type, "status": self.status}
        if self.type != "message":
            return item | self.call
        content = [part.as_json(with_audio=with_audio) for part in self.parts]
        return item | {"role": self.role, "content": content}

    def turn(self) -> Turn | None:
        """This item as the dialogue sees it; None for what it does not look at."""
        if self.type == "function_call_output":
            return Turn("tool", self.call.get("output") or "")
        if self.role == "user" or (self.role == "assistant" and self.parts):
            return Turn(self.role, " ".join(part.words for part in self.parts).strip())
        return None


def turns_of(items: Sequence[Item]) -> list[Turn]:
    """What the dialogue sees of ``items``."""
    return [turn for turn in (item.turn() for item in items) if turn is not None]


class Conversation:
    """Items by place and by id, bounded in number and in audio."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def __len__(self) -> int:
        return len(self._items)

    @property
    def items(self) -> Sequence[Item]:
        """All items in order."""
        return self._items

    @property
    def last_id(self) -> str | None:
        """The id a new last item comes after."""
        return self._items[-1].id if self._items else None

    def insert(self, item: Item, previous_item_id: str | None = None) -> str | None:
        """Put ``item`` after ``previous_item_id`` (`ROOT`: first; None: last).

        Returns the id of the item before it, None if it is the first. Raises `ItemError` for an
        unknown predecessor or an id that is taken.
        """
        if self._find(item.id) is not None:
            raise ItemError(f"Item with item_id '{item.id}' exists already.")
        if previous_item_id is None:
            place = len(self._items)
        elif previous_item_id == ROOT:
            place = 0
        else:
            place = self._index(previous_item_id) + 1
        self._items.insert(place, item)
        predecessor = self._items[place - 1].id if place else None
        if len(self._items) > _MOST_ITEMS:
            del self._items[0 if place else 1]
        self.forget_old_audio()
        return predecessor

    def get(self, item_id: str) -> Item:
        """Raises `ItemError` for an unknown id."""
        return self._items[self._index(item_id)]

    def previous_id(self, item_id: str) -> str | None:
        """The id before ``item_id``; None for the first item and for one that is gone."""
        place = self._find(item_id)
        return self._items[place - 1].id if place else None

    def delete(self, item_id: str) -> None:
        """Raises `ItemError` for an unknown id."""
        del self._items[self._index(item_id)]

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cut what the agent said at what was heard.

        Raises `ItemError` for an unknown item, one the agent did not speak, or a cut behind the
        end of its audio.
        """
        item = self.get(item_id)
        if item.role != "assistant":
            raise ItemError("Only assistant messages can be truncated.")
        if content_index >= len(item.parts) or item.parts[content_index].type != "output_audio":
            raise ItemError(f"Item '{item_id}' has no audio at content_index {content_index}.")
        part = item.parts[content_index]
        if audio_end_ms > part.duration_ms:
            raise ItemError(
                f"Audio content of {part.duration_ms}ms is already shorter than {audio_end_ms}ms."
            )
        part.truncate(audio_end_ms)

    def forget_old_audio(self) -> None:
        """Drop the bytes, not the items, of the oldest audio beyond what is kept."""
        kept = 0
        for item in reversed(self._items):
            for part in item.parts:
                kept += len(part.audio)
                if kept > _MOST_AUDIO:
                    part.audio.clear()

    def _find(self, item_id: str) -> int | None:
        # From the end: what is asked for is nearly always recent.
        for place in range(len(self._items) - 1, -1, -1):
            if self._items[place].id == item_id:
                return place
        return None

    def _index(self, item_id: str) -> int:
        place = self._find(item_id)
        if place is None:
            raise ItemError(f"Item with item_id '{item_id}' does not exist.")
        return place
