"""Challenges and credentials as they are written (RFC 3261 §25.1, RFC 9110 §11)."""

from __future__ import annotations

import re
from typing import Final

MAX_CHALLENGES: Final = 8
"""In one header; what is more is not read."""

_SCHEME: Final = re.compile(r"\s*([\w-]{1,32})[ \t]+(?=[\w-]{1,32}\s*=)", re.ASCII)
_PARAMETER: Final = re.compile(r'\s*([\w-]{1,32})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(,|$)')
_ESCAPED: Final = re.compile(r"\\(.)")


def parse_digests(value: str) -> list[dict[str, str]]:
    """The parameters of each ``Digest`` in a header, names in lower case, values without quotes.

    Other schemes are left out; from where the header cannot be read on, so is the rest.
    """
    found: list[dict[str, str]] = []
    parameters: dict[str, str] = {}
    at = challenges = 0
    while at < len(value):
        if (scheme := _SCHEME.match(value, at)) is not None:
            if (challenges := challenges + 1) > MAX_CHALLENGES:
                break
            parameters = {}
            if scheme[1].lower() == "digest":
                found.append(parameters)
            at = scheme.end()
        match = _PARAMETER.match(value, at)
        if match is None or not challenges:
            return [each for each in found if each is not parameters]
        name, quoted, plain = match.group(1, 2, 3)
        parameters[name.lower()] = _ESCAPED.sub(r"\1", quoted) if quoted is not None else plain
        at = match.end()
    return found


def quote(value: str) -> str:
    """A quoted string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
