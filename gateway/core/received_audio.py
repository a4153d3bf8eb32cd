"""How much of each answer a client got that plays it itself: what it claims to have played of it
cannot be more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_ITEMS: Final = 256
"""Answers remembered; the oldest go first."""


@dataclass(slots=True)
class _Item:
    samples: int = 0
    finished: bool = False
    cut: bool = False


class ReceivedAudio:
    """One client's answers, in samples at 24 kHz."""

    def __init__(self) -> None:
        self._items: dict[str, _Item] = {}

    def add(self, item_id: str, samples: int) -> None:
        """More of an answer was sent to the client."""
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = _Item()
            if len(self._items) > MAX_ITEMS:
                del self._items[next(iter(self._items))]
        if not item.cut:
            item.samples += samples

    def finish(self, item_id: str) -> None:
        """No more of it comes."""
        if (item := self._items.get(item_id)) is not None:
            item.finished = True

    def cut(self, item_id: str, samples: int) -> None:
        """That much of an answer stays, although more of it may come."""
        if (item := self._items.get(item_id)) is not None:
            item.samples, item.finished, item.cut = samples, True, True

    def samples(self, item_id: str) -> int | None:
        """Sent so far, and not cut; None: nothing is known of the item."""
        item = self._items.get(item_id)
        return None if item is None else item.samples

    def is_finished(self, item_id: str) -> bool:
        """Whether no more of an answer is to come, or to count."""
        item = self._items.get(item_id)
        return item is not None and item.finished
