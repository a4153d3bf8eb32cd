"""Where a call is: the ids that clients get say so, and nobody has to keep it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Final

_MARKED: Final = re.compile(r"[a-z]+_g([0-9a-f]{12})_")


@dataclass(frozen=True, slots=True)
class Place:
    """One gateway, for as long as its process runs.

    :ivar name: twelve hexadecimal digits.
    """

    name: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def mark(self) -> str:
        """What stands in an id of this gateway, behind ``sess_`` or ``rtc_``."""
        return f"g{self.name}_"

    def elsewhere(self, call_id: str) -> str | None:
        """The name of the other gateway that an id is of; None: it is of none."""
        found = _MARKED.match(call_id)
        return found[1] if found is not None and found[1] != self.name else None
