"""What decoding brings forth, and how much of it may come out of one event."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from gateway.core.events import ErrorCode, GatewayError
from gateway.core.media_time import SAMPLE_RATE

MAX_SECONDS: Final = 600
"""Of audio in one event."""

MAX_WORK: Final = 0.85
"""Seconds of CPU for one event."""

PIECE_BYTES: Final = SAMPLE_RATE * 2
"""A second of PCM16."""

_MAX_BYTES: Final = MAX_SECONDS * PIECE_BYTES


@dataclass(frozen=True, slots=True)
class Decoded:
    """The audio of one event.

    :ivar pieces: PCM16 mono at :data:`~gateway.core.media_time.SAMPLE_RATE`, at most a second each:
        minutes in one block would take the event loop milliseconds to copy.
    :ivar sample_rate: Hz, as it was recorded; so are ``channels``.
    """

    pieces: list[bytes]
    sample_rate: int
    channels: int


class Work:
    """What came out so far, and what it cost this thread."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._last = bytearray()
        self._size = 0
        self._until = time.thread_time() + MAX_WORK

    @property
    def is_empty(self) -> bool:
        """No audio came out."""
        return self._size == 0

    def add(self, pcm: bytes) -> None:
        """:raises GatewayError: ``too_large``."""
        self._size += len(pcm)
        if self._size > _MAX_BYTES:
            raise GatewayError(
                ErrorCode.TOO_LARGE, f"a recording may have {MAX_SECONDS} s in one event"
            )
        if time.thread_time() > self._until:
            raise too_much_work()
        self._last += pcm
        while len(self._last) >= PIECE_BYTES:
            self._pieces.append(bytes(self._last[:PIECE_BYTES]))
            del self._last[:PIECE_BYTES]

    def done(self, sample_rate: int, channels: int) -> Decoded:
        """All of it."""
        last = [bytes(self._last)] if self._last else []
        return Decoded([*self._pieces, *last], sample_rate, channels)


def too_much_work() -> GatewayError:
    return GatewayError(ErrorCode.TOO_LARGE, "the recording takes too long to decode")


def too_much_memory() -> GatewayError:
    return GatewayError(ErrorCode.TOO_LARGE, "the recording takes too much memory to decode")


def not_understood(container: str) -> GatewayError:
    return GatewayError(ErrorCode.UNSUPPORTED_FORMAT, f"this {container} cannot be decoded")


def too_many() -> GatewayError:
    return GatewayError(ErrorCode.CAPACITY, "the gateway decodes too many recordings now")
