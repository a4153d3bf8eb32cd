"""Who acts, and by which door: known where a request comes in, asked where it has an effect.

What lies between need not pass it on: a context variable goes with the task that serves the
request, and with every task that one starts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """:ivar name: the subject of a token; without one the address that a request came from.
    :ivar door: by which it came: ``socketio``, ``whip``, ``sip``, …
    """

    name: str
    door: str


GATEWAY = Actor("gateway", "gateway")
"""Does what nobody asked for: starts, stops, lets old recordings go."""

_acting: ContextVar[Actor] = ContextVar("acting", default=GATEWAY)


def acting() -> Actor:
    """Who asked for what is being done now."""
    return _acting.get()


@contextlib.contextmanager
def acts(actor: Actor) -> Iterator[None]:
    """Whatever the block does, and the tasks that it starts, is done for ``actor``."""
    before = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(before)
