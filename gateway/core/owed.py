"""What of an item waits to be played, in bytes and content parts; and where it was cut off."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from gateway.core.media_time import to_ms

SAMPLE_BYTES: Final = 2

_MERGE_BYTES: Final = 4096
"""Chunks are joined up to this size, so that a flood of tiny ones costs no memory."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where an item was cut off: positions in samples of its content part ``content_index``."""

    item_id: str
    content_index: int
    heard_samples: int
    received_samples: int

    @property
    def heard_ms(self) -> int:
        """``audio_end_ms`` of ``conversation.item.truncate``; never beyond what was received."""
        return to_ms(self.heard_samples)


@dataclass(slots=True, eq=False)
class Part:
    """One content part: a queue of bytes, counted. Samples may be split between two pushes."""

    item: Item
    content_index: int
    queued: bool = False
    received: int = 0
    """Bytes; so are ``taken`` (handed out) and ``heard``, which lags while a caller buffers."""
    taken: int = 0
    heard: int = 0
    _chunks: deque[bytes] = field(default_factory=deque)
    _offset: int = 0

    @property
    def playable(self) -> int:
        """Bytes of whole samples that wait."""
        return (self.received - self.taken) & ~1

    @property
    def unheard(self) -> int:
        """Bytes of whole samples that wait here or at the caller's."""
        return (self.received - self.heard) & ~1

    def append(self, pcm: bytes) -> None:
        """Queue audio."""
        self.received += len(pcm)
        if self._chunks and len(self._chunks[-1]) + len(pcm) <= _MERGE_BYTES:
            self._chunks[-1] += pcm
        else:
            self._chunks.append(pcm)

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, of which there are at least as many."""
        self.taken += size
        pieces: list[bytes] = []
        while size:
            head = self._chunks[0]
            piece = head[self._offset : self._offset + size]
            pieces.append(piece)
            size -= len(piece)
            self._offset += len(piece)
            if self._offset == len(head):
                self._chunks.popleft()
                self._offset = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def drop(self) -> None:
        """Forget the audio that waits; the counters stay."""
        self._chunks.clear()
        self._offset = 0
        self.queued = False


@dataclass(slots=True, eq=False)
class Item:
    """What a model says under one id: its parts, in the order in which they began."""

    item_id: str
    parts: dict[int, Part] = field(default_factory=dict)
    finished: bool = False
    cut: bool = False
    full: bool = False

    @property
    def is_queued(self) -> bool:
        return any(part.queued for part in self.parts.values())

    @property
    def is_pending(self) -> bool:
        """Something of it waits, here or at the caller's."""
        return any(part.queued or part.heard < part.taken for part in self.parts.values())

    @property
    def is_done(self) -> bool:
        """Cut, or finished and heard to its last sample."""
        return self.cut or (self.finished and not self.is_pending)

    def cut_off(self) -> Cut:
        """Cut at the first part that was not heard whole, or at the end of what came so far."""
        self.cut = True
        parts = list(self.parts.values())
        part = next((part for part in parts if part.unheard), parts[-1])
        for unheard in parts:
            unheard.drop()
            unheard.taken = unheard.heard
        return Cut(
            self.item_id,
            part.content_index,
            part.heard // SAMPLE_BYTES,
            part.received // SAMPLE_BYTES,
        )


@dataclass(slots=True)
class Ahead:
    """Audio that lies at the caller's until its time comes."""

    part: Part
    size: int
    plays_at: float
    """Of the first sample; seconds of the leg's clock."""
