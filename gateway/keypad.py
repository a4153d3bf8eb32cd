"""The keys of a telephone as a caller presses them: those that belong together, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PAUSE: Final = 1.0
"""Seconds without a further key after which what was pressed is complete."""

LAST_KEY: Final = "#"
"""It ends an entry at once, as telephone services have it."""

MAX_KEYS: Final = 64
"""Kept at once; with so many an entry is complete, however fast more come."""


class Keypad:
    """One caller's keys.

    :param entered: takes the keys of an entry once it is complete.
    """

    def __init__(self, entered: Callable[[str], None]) -> None:
        self._entered = entered
        self._loop = asyncio.get_running_loop()
        self._keys = ""
        self._timer: asyncio.TimerHandle | None = None

    def press(self, keys: str) -> None:
        """One or more of ``0-9*#A-D``, in order."""
        for key in keys:
            self._keys += key
            if key == LAST_KEY or len(self._keys) == MAX_KEYS:
                self.flush()
        self._stop_timer()
        if self._keys:
            self._timer = self._loop.call_later(PAUSE, self.flush)

    def flush(self) -> None:
        """Take what was pressed as complete; at the end of a call, too."""
        self._stop_timer()
        keys, self._keys = self._keys, ""
        if keys:
            self._entered(keys)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
