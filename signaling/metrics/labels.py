"""Values of labels: few, whatever callers and models call things."""

from __future__ import annotations

from typing import Final

from gateway.core.ending import Ending

MAX_NAMES: Final = 64
"""Names of one kind that have time series of their own."""

OTHERS: Final = "others"

LONGEST: Final = 64

_ENDINGS: Final = {str(cause): cause.name.lower() for cause in Ending}


def ending(reason: str) -> str:
    """Why a session ended, in a word: ``hung_up``; ``other``: its model's server said why."""
    return _ENDINGS.get(reason, "other")


class Names:
    """The names that were seen first; those that come later are :data:`OTHERS`.

    Names of tools come from models, those of models from clients: each could make up as many as
    it likes, and a time series is never forgotten.
    """

    def __init__(self, most: int = MAX_NAMES) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        if name not in self._known:
            if len(self._known) >= self._most or len(name) > LONGEST:
                return OTHERS
            self._known.add(name)
        return name
