"""Numbers that a caller dictates: which one was asked for, and what there is of it.

People pause in a phone number, and every pause may end a turn; so the digits of several turns are
put together until the number is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gateway.core.numerals import digits_in

PHONE_DIGITS, ZIP_DIGITS = 10, 5

_MOST_LOOKED_AT = 500
"""Characters of a line: of the caller's the first, of the agent's the last ones."""

Asked = Literal["phone", "zip", ""]

_NAMES: tuple[tuple[Asked, re.Pattern[str]], ...] = (
    ("zip", re.compile(r"\bzip code\b", re.I)),
    ("phone", re.compile(r"\b(phone|telephone) number\b", re.I)),
)
_ASKING = re.compile(r"[^.!?]*\?|\b(please|could you|tell me|give me)\b[^.!?]*", re.I)


@dataclass(frozen=True, slots=True)
class Dictation:
    """Where a conversation stands.

    :ivar asked: which number the agent asked for last.
    :ivar phone: ten digits, or empty.
    :ivar zip_code: five digits, or empty.
    :ivar part: digits of the number that was asked for, while some are missing.
    :ivar fresh: whether the last line of the caller's completed a number.
    """

    asked: Asked = ""
    phone: str = ""
    zip_code: str = ""
    part: str = ""
    fresh: bool = False

    def asks(self, asked: Asked) -> Dictation:
        """The agent asks for a number: one that was given before is of no use."""
        return Dictation(
            asked,
            "" if asked == "phone" else self.phone,
            "" if asked == "zip" else self.zip_code,
        )

    def hears(self, digits: str) -> Dictation:
        """The caller says digits; empty: words alone."""
        for known in (national(digits), national(self.part + digits) if self.asked else ""):
            if len(known) == PHONE_DIGITS and self.asked != "zip":
                return Dictation(self.asked, known, self.zip_code, fresh=True)
            if len(known) == ZIP_DIGITS and self.asked != "phone":
                return Dictation(self.asked, self.phone, known, fresh=True)
        return Dictation(self.asked, self.phone, self.zip_code, self._part(digits))

    def _part(self, digits: str) -> str:
        most = {"phone": PHONE_DIGITS, "zip": ZIP_DIGITS, "": 0}[self.asked]
        return next((part for part in (self.part + digits, digits) if len(part) < most), "")


def dictated(lines: Iterable[tuple[str, str]]) -> Dictation:
    """After ``(role, text)`` lines, where the role ``user`` is the caller's."""
    state = Dictation()
    for role, text in lines:
        if role == "user":
            state = state.hears(digits_in(text[:_MOST_LOOKED_AT]))
        elif asked := asked_in(text[-_MOST_LOOKED_AT:]):
            state = state.asks(asked)
    return state


def asked_in(text: str) -> Asked:
    """Which number these words of an agent's ask for."""
    wishes = " ".join(found[0] for found in _ASKING.finditer(text))
    return next((asked for asked, name in _NAMES if name.search(wishes)), "")


def national(number: str) -> str:
    """The digits of a US phone number, without the country's 1."""
    digits = re.sub(r"[^0-9]", "", number)
    return digits[1:] if len(digits) == PHONE_DIGITS + 1 and digits[0] == "1" else digits
