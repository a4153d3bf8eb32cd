"""The chain of an audit log: every entry is bound to all that came before it.

An entry is one line of canonical JSON (keys in order, no blanks, ASCII)::

    {"action":"session.opened","actor":"alice","at":"2026-11-26T12:00:00.123Z","door":"whip",
     "facts":{"agentSet":"retail"},"hash":"9f…","seq":7,"session":"sess_…"}

``hash`` is the SHA-256, in hexadecimal, of the hash of the entry before it and of the entry itself
without ``hash``. The first one, of nobody, holds 32 random bytes: two logs never have a hash in
common. Who can write the file can make another chain of the whole of it; that is seen by whoever
knows a :class:`Head` from before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

BEGAN: Final = "log.began"
"""A log's first entry."""

CONTINUED: Final = "log.continued"
"""The first entry of a file that goes on where another one ended."""

TORN: Final = "torn"
"""A fact: SHA-256 of the line before the entry, which a crash left unfinished."""

PREVIOUS: Final = "previous"
"""A fact of :data:`CONTINUED`: the head that the other file ended with."""

_HEAD: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: the last entry's number, and its hash."""

    seq: int = -1
    hash: str = ""

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """:raises ValueError: it is not of the form of ``str()``."""
        found = _HEAD.fullmatch(text)
        if found is None:
            raise ValueError("expected a number, a colon and 64 hexadecimal digits")
        return cls(int(found[1]), found[2])


NOTHING: Final = Head()
"""The head of a log without entries."""


class NotAnEntry(Exception):
    """A line is none of a log."""


def chained(head: Head, entry: Mapping[str, Any]) -> tuple[bytes, Head]:
    """``entry`` as the line that follows ``head``, and the head then.

    :raises ValueError: JSON has no form for it.
    """
    numbered = {**entry, "seq": head.seq + 1}
    hashed = _hash(head.hash, numbered)
    return _canonical({**numbered, "hash": hashed}) + b"\n", Head(head.seq + 1, hashed)


def parse_entry(line: bytes) -> dict[str, Any]:
    """The entry of a line without its end.

    :raises NotAnEntry: it is none, or not written as :func:`chained` writes it.
    """
    try:
        entry: dict[str, Any] = json.loads(line)
        whole = isinstance(entry, dict) and _canonical(entry) == line
    except (ValueError, RecursionError):
        raise NotAnEntry from None
    if not whole or type(entry.get("seq")) is not int or not isinstance(entry.get("hash"), str):
        raise NotAnEntry
    if not isinstance(entry.get("facts"), dict):
        raise NotAnEntry
    return entry


def head_of(entry: Mapping[str, Any]) -> Head:
    """What the entry says of itself."""
    return Head(entry["seq"], entry["hash"])


def follows(entry: Mapping[str, Any], before: str) -> bool:
    """Whether the entry is what it was when it was chained to the hash ``before``."""
    said = {name: value for name, value in entry.items() if name != "hash"}
    return _hash(before, said) == str(entry["hash"])


def digest(torn: bytes) -> str:
    """What :data:`TORN` says of the rest of a line."""
    return hashlib.sha256(torn).hexdigest()


def _hash(before: str, entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(before.encode() + _canonical(entry)).hexdigest()


def _canonical(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()
