"""One message between gateways: JSON, with bytes and long strings behind it.

A second of audio is half of a megabyte in the JSON of some clients, which to read as JSON would
hold the event loop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.strict_json import loads

LONG: Final = 4_096
"""Characters of a string that stands behind the JSON."""

DEPTH: Final = 4
"""Levels of a message on which bytes may be: an argument of a client's event, and one within it."""

_PART: Final = "$part"
_LENGTH: Final = 4
"""Bytes of a length before what is that long."""


def pack(body: Mapping[str, Any]) -> bytes:
    """``body``: what JSON can say, and bytes.

    :raises ValueError: something else is in it, or it is nested too deep.
    """
    parts: list[bytes] = []
    try:
        text = json.dumps(_without_parts(body, parts, DEPTH)).encode()
    except (TypeError, RecursionError) as error:
        raise ValueError("this cannot be said in a message") from error
    return b"".join(len(each).to_bytes(_LENGTH) + each for each in (text, *parts))


def unpack(data: bytes) -> dict[str, Any]:
    """:raises ValueError: it is no such message."""
    text, *parts = _split(data)
    body = _with_parts(loads(text.decode()), parts, DEPTH + 1)
    if not isinstance(body, dict):
        raise ValueError("a message is an object")
    return body


def _without_parts(value: Any, parts: list[bytes], depth: int) -> Any:
    match value:
        case bytes():
            parts.append(b"b" + value)
        case str() if len(value) >= LONG:
            # Half of a surrogate pair is no UTF-8, and for the other gateway to refuse.
            parts.append(b"s" + value.encode(errors="surrogatepass"))
        case dict() if depth:
            return {name: _without_parts(each, parts, depth - 1) for name, each in value.items()}
        case list() | tuple() if depth:
            return [_without_parts(each, parts, depth - 1) for each in value]
        case _:
            return value
    return {_PART: len(parts) - 1}


def _with_parts(value: Any, parts: list[bytes], depth: int) -> Any:
    match value:
        case {"$part": int(number), **rest} if not rest:
            if not 0 <= number < len(parts):
                raise ValueError("a part is missing")
            kind, part = parts[number][:1], parts[number][1:]
            return part if kind == b"b" else part.decode(errors="surrogatepass")
        case dict() if depth:
            return {name: _with_parts(each, parts, depth - 1) for name, each in value.items()}
        case list() if depth:
            return [_with_parts(each, parts, depth - 1) for each in value]
    return value


def _split(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH])
        if end > len(data):
            raise ValueError("a message is cut off")
        found.append(data[at + _LENGTH : end])
        at = end
    if not found:
        raise ValueError("a message is empty")
    return found
