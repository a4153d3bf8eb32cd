"""Which phones were tried, and what was seen to work with them: the table in `docs/sip.md`.

A test that has the fixture `interop` names the phone, and each thing once it has seen it work. What
it saw must be in the table, or it fails; and what no test of a whole run saw must not be there.
`scripts/interop-table` writes what it sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "sip.md"
COMMAND = "scripts/interop-table writes docs/sip.md anew"

_HEAD = "| phone | transport | media | what |\n|---|---|---|---|\n"
_TABLE = re.compile(re.escape(_HEAD) + r"((?:\|.*\n)*)")


@dataclass(order=True)
class Tried:
    """One phone on one transport.

    :ivar phone: its name and version.
    :ivar media: as ``RTP, PCMU``.
    """

    phone: str
    transport: str
    media: str
    seen: list[str] = field(default_factory=list, compare=False)

    def saw(self, *features: str) -> None:
        """Those work: say so when they did, not before."""
        self.seen += [feature for feature in features if feature not in self.seen]

    def __str__(self) -> str:
        return f"| {self.phone} | {self.transport} | {self.media} | {', '.join(self.seen)} |\n"


Tries = Callable[[str, str, str], Tried]
"""The fixture `interop`: names a phone, its transport and media, as `Tried` does."""


def merged(tries: Iterable[Tried]) -> list[Tried]:
    """One for each phone, transport and media, in order."""
    found: dict[tuple[str, str, str], Tried] = {}
    for tried in tries:
        key = (tried.phone, tried.transport, tried.media)
        found.setdefault(key, Tried(*key)).saw(*tried.seen)
    return sorted(found.values())


def documented(text: str) -> list[Tried]:
    """What a page's table says."""
    table = _TABLE.search(text)
    assert table is not None, "the page has no table of phones"
    rows = [line.strip("| ").split(" | ") for line in table[1].splitlines()]
    return [
        Tried(phone, transport, media, what.split(", ")) for phone, transport, media, what in rows
    ]


def not_documented(tried: Tried, text: str) -> list[str]:
    """What was seen and is not on the page."""
    known = {feature for row in documented(text) if row == tried for feature in row.seen}
    return [feature for feature in tried.seen if feature not in known]


def rewritten(text: str, tries: Iterable[Tried]) -> str:
    """The page with a table of ``tries``."""
    table = _HEAD + "".join(map(str, merged(tries)))
    return _TABLE.sub(lambda _: table, text)
