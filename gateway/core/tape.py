"""A tape of what happened to core: every call from outside, in order, and what it brought about.

Core decides by its inputs alone: no clock, no socket, no chance. So the same calls bring about the
same, and a tape that is played back shows where a changed rule decides otherwise.

A call that core makes of itself, within one from outside, is no input. There is no sound on a tape:
of bytes only their number is kept.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

VERSION: Final = 2
"""Of the format; the first line of a tape tells it."""

RAISED: Final = {"raised": True}
"""The result of a call that had none."""


@dataclass(slots=True)
class TapedCall:
    """One call: the object's name and the method's, what it was given, what it brought about."""

    name: str
    args: tuple[Any, ...]
    keywords: Mapping[str, Any]
    outputs: list[Any] = field(default_factory=list)
    result: Any = None

    def line(self) -> list[Any]:
        """As it is written: ``[name, args, keywords, outputs, result]``."""
        return [
            self.name,
            *(plain(x) for x in (self.args, self.keywords, self.outputs)),
            self.result,
        ]


class Tape:
    """Watches objects of core.

    :param write: takes each call when it is over.
    :param begin: is told before one begins.
    """

    def __init__(self, write: Callable[[TapedCall], None], begin: Callable[[], None]) -> None:
        self._write = write
        self._begin = begin
        self._running: TapedCall | None = None

    def watch(self, name: str, target: object, methods: Iterable[str]) -> None:
        """Write down calls of these methods from now on."""
        for method in methods:
            taped = self._taped(f"{name}.{method}", getattr(target, method))
            setattr(target, method, taped)

    def output(self, kind: str, value: Any) -> None:
        """The call that runs brought this about; nothing, if none runs."""
        if self._running is not None:
            self._running.outputs.append([kind, value])

    def _taped(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def taped(*args: Any, **keywords: Any) -> Any:
            if self._running is not None:
                return method(*args, **keywords)
            self._begin()
            # A set that is given grows later: it is kept as it is now.
            given = tuple(sorted(a) if isinstance(a, set) else a for a in args)
            call = self._running = TapedCall(name, given, keywords, result=RAISED)
            try:
                result = method(*args, **keywords)
                call.result = plain(result)
                return result
            finally:
                self._running = None
                self._write(call)

        return taped


def plain(value: Any) -> Any:
    """``value`` for JSON; of bytes their number."""
    match value:
        case None | bool() | int() | float() | str():
            return value.value if isinstance(value, Enum) else value
        case Enum():
            return value.value
        case bytes() | bytearray():
            return len(value)
        case Mapping():
            return {str(name): plain(of_it) for name, of_it in value.items()}
        case set() | frozenset():
            return sorted(value)
        case _ if dataclasses.is_dataclass(value):
            names = [f.name for f in dataclasses.fields(value)]
            return {"is": type(value).__name__, **{n: plain(getattr(value, n)) for n in names}}
        case Iterable():
            return [plain(of_it) for of_it in value]
    raise TypeError(f"no way to write a {type(value).__name__}")
