"""Why a call of ours was not answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from signaling.sip.message import PHRASES, Response

MAX_RETRY_AFTER: Final = 86_400
"""Seconds."""

_RETRY_AFTER: Final = re.compile(r"\s*(\d{1,6})\b", re.ASCII)


@dataclass(frozen=True, slots=True)
class Failure:
    """:ivar code: as of a SIP response; 408 where there was none.
    :ivar reason: a few words.
    :ivar retry_after: seconds after which it may be tried again, if the other side says so.
    """

    code: int
    reason: str
    retry_after: int | None = None

    @property
    def rank(self) -> int:
        """Of several phones' failures the least says most (RFC 3261 §16.7, step 6)."""
        if self.code >= 600:
            return 0
        return 10_000 if self in (UNREACHED, NOBODY, CANCELLED) else self.code


UNREACHED: Final = Failure(408, "no response")
NOBODY: Final = Failure(408, "nobody answered")
CANCELLED: Final = Failure(487, "cancelled")


def failure_of(refusal: Response) -> Failure:
    """What a 3xx to 6xx says."""
    found = _RETRY_AFTER.match(refusal.headers.get("Retry-After") or "")
    retry_after = min(int(found[1]), MAX_RETRY_AFTER) if found else None
    if refusal.code < 400:
        return Failure(refusal.code, "redirected, which is not followed", retry_after)
    return Failure(refusal.code, PHRASES.get(refusal.code, "refused").lower(), retry_after)
