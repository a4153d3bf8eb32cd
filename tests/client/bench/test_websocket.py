import pytest

from client.python.bench.websocket import WebSocketError, WebSocketServer, text_frame

# The example of RFC 6455 §1.3.
REQUEST = (
    b"GET /v1/realtime?model=call-7 HTTP/1.1\r\n"
    b"Host: server.example.com\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
MASK = b"\x01\x02\x03\x04"


def client_frame(payload: bytes, first: int = 0x81) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 65_536:
        length = bytes((0x80 | 126,)) + size.to_bytes(2, "big")
    else:
        length = bytes((0x80 | 127,)) + size.to_bytes(8, "big")
    masked = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return bytes((first,)) + length + MASK + masked


def opened() -> WebSocketServer:
    server = WebSocketServer()
    assert server.feed(REQUEST) == []
    server.take()
    return server


def test_the_opening_is_answered_as_the_rfc_does() -> None:
    server = WebSocketServer()
    server.feed(REQUEST[:50])
    assert not server.is_open
    server.feed(REQUEST[50:])
    assert server.is_open
    assert server.query == {"model": ["call-7"]}
    answer = server.take()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert b"Sec-WebSocket-Protocol" not in answer
    assert server.take() == b""


def test_the_realtime_subprotocol_is_selected_if_offered() -> None:
    server = WebSocketServer()
    offered = b"Sec-WebSocket-Protocol: other, realtime\r\n\r\n"
    server.feed(REQUEST[:-2] + offered)
    assert b"Sec-WebSocket-Protocol: realtime\r\n" in server.take()


@pytest.mark.parametrize("size", [0, 5, 125, 126, 1_320, 70_000])
def test_messages_of_every_size_are_unmasked(size: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    assert opened().feed(client_frame(payload[:size])) == [payload[:size]]


def test_frames_may_come_in_any_pieces() -> None:
    messages = [b"one", b"x" * 300, b"three"]
    stream = b"".join(map(client_frame, messages))
    server = opened()
    assert [m for byte in stream for m in server.feed(bytes((byte,)))] == messages
    assert opened().feed(stream) == messages
    assert opened().feed(stream[:-1]) == messages[:2]


def test_a_message_may_follow_the_opening_at_once() -> None:
    assert WebSocketServer().feed(REQUEST + client_frame(b"early")) == [b"early"]


def test_fragments_are_joined_around_a_ping() -> None:
    server = opened()
    stream = client_frame(b"he", 0x01) + client_frame(b"?", 0x89) + client_frame(b"llo", 0x80)
    assert server.feed(stream) == [b"hello"]
    assert server.take() == b"\x8a\x01?"


def test_a_client_that_leaves_is_answered() -> None:
    server = opened()
    assert server.feed(client_frame(b"\x03\xe8", 0x88)) == []
    assert server.is_closed
    assert server.take() == b"\x88\x02\x03\xe8"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * 70_000,
        REQUEST + b"\x81\x01x",
        REQUEST + bytes((0x81, 0xFF)) + (2**40).to_bytes(8, "big"),
    ],
    ids=["no key", "no end", "unmasked", "too large"],
)
def test_what_is_no_client_is_refused(data: bytes) -> None:
    with pytest.raises(WebSocketError):
        WebSocketServer().feed(data)


@pytest.mark.parametrize(
    ("size", "header"),
    [(3, b"\x81\x03"), (300, b"\x81\x7e\x01\x2c"), (70_000, b"\x81\x7f" + (70_000).to_bytes(8))],
)
def test_a_text_frame_has_the_shortest_length(size: int, header: bytes) -> None:
    assert text_frame(b"x" * size) == header + b"x" * size
