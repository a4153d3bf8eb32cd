"""Messages out of a stream: TCP and TLS (RFC 3261 §18.3, RFC 5626 §3.5.1)."""

from __future__ import annotations

import re
from typing import Final

from signaling.sip.message import MAX_HEAD, MAX_MESSAGE, content_length

PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"

_LENGTH: Final = re.compile(rb"\n(?:Content-Length|l)[ \t]*:[ \t]*(\d{1,10})[ \t]*\r?\n", re.I)


class Unframed(Exception):
    """Where the next message begins cannot be known: the connection is of no use."""


class Framer:
    """What one connection brings, in pieces of any size."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now; a keep-alive is :data:`PING`.

        :raises Unframed: a message has no end, or none in bounds.
        """
        self._kept += data
        found: list[bytes] = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> bytes | None:
        if self._kept.startswith(PING):
            return self._take(len(PING))
        if PING.startswith(self._kept):
            return None
        if self._kept.startswith(b"\r\n"):
            del self._kept[:2]  # Between messages (RFC 3261 §7.5).
        end = self._kept.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(self._kept) >= MAX_HEAD:
                raise Unframed("the headers do not end")
            return None
        stated = _LENGTH.search(self._kept, 0, end + 2)
        length = content_length(stated[1].decode()) if stated else None
        if length is None or end + 4 + length > MAX_MESSAGE:
            raise Unframed("Content-Length is missing or out of bounds")
        if len(self._kept) < end + 4 + length:
            return None
        return self._take(end + 4 + length)

    def _take(self, length: int) -> bytes:
        taken = bytes(self._kept[:length])
        del self._kept[:length]
        return taken
