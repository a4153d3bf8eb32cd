"""JSON as RFC 8259 has it, which Python's own reader is more lenient than; and JSON with very long
strings in it, which takes that reader a nanosecond for each character.

Theory of operation. A string without an escape ends at the next quotation mark, which ``str.find``
sees fifty times faster. So such a long string is put aside, a short one nobody could have guessed
takes its place, and the text that is left is read as usual. Where the reader then finds the short
one as a value, the long one was a string there: nothing between its two quotation marks could have
ended it earlier. A run that was no string leaves a text that is not JSON.
"""

from __future__ import annotations

import json
import math
import secrets
from typing import Any, Final, NoReturn

LONG: Final = 1 << 16
"""Characters of a string that is put aside."""

MAX_REST: Final = 1 << 18
"""Characters beside such strings; a text that has no more is read as it is."""

MAX_VALUES: Final = 10_000
"""Values in a text: reading so many takes a few milliseconds."""

_BLOCK: Final = LONG // 2
"""A long string covers a whole one, wherever it begins."""


class TooMuch(ValueError):
    """More than is read at once."""


def loads(text: str | bytes) -> Any:
    """:raises ValueError: it is not JSON, has numbers that are none, or is nested too deep."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("objects too deep within each other") from None


def loads_bounded(text: str) -> Any:
    """As :func:`loads`, in a few milliseconds for a text of any length.

    :raises ValueError: as :func:`loads`.
    :raises TooMuch: there is too much in it beside long strings.
    """
    rest, aside = (text, {}) if len(text) <= MAX_REST else _put_aside(text)
    if len(rest) > MAX_REST or rest.count(",") + rest.count("[") + rest.count("{") > MAX_VALUES:
        raise TooMuch("too many values in one text")
    value = loads(rest)
    try:
        value = _put_back(value, aside) if aside else value
    except RecursionError:
        raise ValueError("objects too deep within each other") from None
    if aside:
        raise ValueError("a long string is not a value")
    return value


def _put_aside(text: str) -> tuple[str, dict[str, str]]:
    aside: dict[str, str] = {}
    kept: list[str] = []
    done = at = 0
    while (at := at + _BLOCK) + _BLOCK <= len(text):
        if text.find('"', at, at + _BLOCK) >= 0:
            continue
        start = text.rfind('"', done, at) + 1
        end = text.find('"', at)
        if end < 0:
            break
        escaped = text[start - 2 : start - 1] == "\\"  # The mark before it is part of a string.
        if start > done and not escaped and text.find("\\", start, end) < 0:
            name = secrets.token_hex(16)
            aside[name] = text[start:end]
            kept += (text[done:start], name)
            done = end
        at = end // _BLOCK * _BLOCK
    kept.append(text[done:])
    return "".join(kept), aside


def _put_back(value: Any, aside: dict[str, str]) -> Any:
    """The value with its long strings; those are taken out of ``aside``."""
    if isinstance(value, str):
        return aside.pop(value, value)
    if isinstance(value, dict):
        value.update({key: _put_back(item, aside) for key, item in value.items()})
    elif isinstance(value, list):
        value[:] = [_put_back(item, aside) for item in value]
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)
