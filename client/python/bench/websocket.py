"""The server's half of RFC 6455, sans-IO: an opening request, and frames of masked text.

A load generator reads fifty messages a second and call; a general library would cost it more than
all of its other work. What a Realtime client does not do (binary, extensions) is not supported.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SUBPROTOCOL = "realtime"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_MOST_BYTES = 16 * 1024 * 1024


class WebSocketError(Exception):
    """What came is no WebSocket client of the kind supported."""


def text_frame(payload: bytes) -> bytes:
    """One unfragmented, unmasked text message."""
    return _frame(_TEXT, payload)


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        header = bytes((0x80 | opcode, size))
    elif size < 65_536:
        header = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        header = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
    return header + payload


@dataclass(slots=True)
class WebSocketServer:
    """One connection. Feed what comes; send what is in `to_send` (it is taken out by `take`)."""

    query: dict[str, list[str]] = field(default_factory=dict)
    """Of the opening request."""
    is_open: bool = False
    is_closed: bool = False
    """The client said that it leaves."""
    _received: bytes = b""
    _fragments: bytearray = field(default_factory=bytearray)
    _to_send: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; the text messages that are complete now. Raises `WebSocketError`."""
        self._received = self._received + data if self._received else data
        if not self.is_open:
            self._open()
        messages: list[bytes] = []
        at = 0
        while self.is_open and at < len(self._received):
            frame = self._frame_at(at)
            if frame is None:
                break
            first, payload, at = frame
            message = self._handle(first, payload)
            if message is not None:
                messages.append(message)
        self._received = self._received[at:]
        return messages

    def take(self) -> bytes:
        """What must be sent now."""
        data = bytes(self._to_send)
        self._to_send.clear()
        return data

    def _open(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > 65_536:
                raise WebSocketError("no end of the opening request")
            return
        request, *lines = self._received[:end].decode("latin-1").split("\r\n")
        self._received = self._received[end + 4 :]
        fields = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        key = headers.get("sec-websocket-key")
        if key is None or len(request.split()) != 3:
            raise WebSocketError("not an opening request")
        self.query = parse_qs(urlsplit(request.split()[1]).query)
        accept = base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()
        answer = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
        ]
        offered = headers.get("sec-websocket-protocol", "").split(",")
        if _SUBPROTOCOL in [name.strip() for name in offered]:
            answer.append(f"Sec-WebSocket-Protocol: {_SUBPROTOCOL}")
        self._to_send += "\r\n".join([*answer, "", ""]).encode()
        self.is_open = True

    def _frame_at(self, at: int) -> tuple[int, bytes, int] | None:
        """The frame that starts at `at`, if it is whole: its first byte, its payload, its end."""
        received = self._received
        if len(received) < at + 2:
            return None
        first, second = received[at], received[at + 1]
        size, mask_at = second & 0x7F, at + 2
        # Of a length that is cut short too little is read; the frame then ends beyond what came.
        if size == 126:
            size, mask_at = int.from_bytes(received[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, mask_at = int.from_bytes(received[at + 2 : at + 10], "big"), at + 10
        if not second & 0x80:
            raise WebSocketError("a client's frame must be masked")
        if size > _MOST_BYTES:
            raise WebSocketError("the frame is too large")
        end = mask_at + 4 + size
        if len(received) < end:
            return None
        mask, masked = received[mask_at : mask_at + 4], received[mask_at + 4 : end]
        return first, _unmask(mask, masked), end

    def _handle(self, first: int, payload: bytes) -> bytes | None:
        opcode = first & 0x0F
        if opcode == _PING:
            self._to_send += _frame(_PONG, payload)
        elif opcode == _CLOSE:
            self._to_send += _frame(_CLOSE, payload)
            self.is_closed = True
        elif opcode in (0, _TEXT):
            if first & 0x80 and not self._fragments:
                return payload
            self._fragments += payload
            if first & 0x80:
                message = bytes(self._fragments)
                self._fragments.clear()
                return message
        return None


def _unmask(mask: bytes, data: bytes) -> bytes:
    # One XOR of two long integers: ten times faster than byte by byte.
    size = len(data)
    pattern = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")
    return masked.to_bytes(size, "little")
