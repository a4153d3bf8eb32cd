"""Saying the same thing in other words: nobody likes to hear one phrase twice."""

from __future__ import annotations

import re
from collections.abc import Sequence


def fresh(phrases: Sequence[str], said: Sequence[str]) -> str:
    """The one of ``phrases`` that was not heard for longest.

    :param phrases: what stands in braces is to be filled in, and may have been any words.
    :param said: what was said until now, in order; a phrase counts as said where it stands in it.
    """

    def last_heard(phrase: str) -> int:
        parts = re.split(r"\{\w+\}", phrase)
        return max(
            (place for place, text in enumerate(said) if all(part in text for part in parts)),
            default=-1,
        )

    return min(phrases, key=last_heard)
