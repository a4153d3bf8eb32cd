"""What a caller is to be told before anything else, and is owed until it was heard to its end."""

from __future__ import annotations

from typing import Final

MAX_TRIES: Final = 3
"""A caller who speaks into it each time has heard enough of it."""


class Notice:
    """One caller's."""

    def __init__(self) -> None:
        self._tries = 0
        self._asked = False
        self._item_id: str | None = None
        self.heard = False
        """To its end."""

    @property
    def over(self) -> bool:
        """Nothing is owed any more."""
        return self.heard or (self._tries >= MAX_TRIES and not self._asked)

    def due(self, *, idle: bool) -> bool:
        """Whether to say it now: at once the first time, then when nobody speaks. Counts as said if
        so.
        """
        if self.over or self._asked or (self._tries and not idle):
            return False
        self._tries += 1
        self._asked, self._item_id = True, None
        return True

    def answer_began(self, item_id: str) -> None:
        """The model speaks."""
        if self._asked and self._item_id is None:
            self._item_id = item_id

    def answer_over(self, item_id: str, *, whole: bool) -> None:
        """An answer was heard, ``whole`` or cut."""
        if self._asked and item_id == self._item_id:
            self.heard, self._asked = whole, False

    def response_over(self) -> None:
        """The model said all that it had to say: without a word, it did not say this."""
        if self._item_id is None:
            self._asked = False
