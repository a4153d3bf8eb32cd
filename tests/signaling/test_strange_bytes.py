"""What is no HTTP, no WebSocket, or no Engine.IO, byte by byte: it is refused or its connection
closed; no traceback, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import structlog

from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.signaling.callers import PATIENCE, Caller, until
from tests.stand_in import StandIn

KEYS = "/v1/realtime/client_secrets"


def http(line: str, *fields: bytes, body: bytes = b"") -> bytes:
    head = [f"{line} HTTP/1.1".encode("latin-1"), b"Host: x", b"Connection: close", *fields]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


REFUSED = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SIP": b"OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "long target": http("GET /" + "a" * 20_000),
    "long field": http("GET /health", b"A: " + b"a" * 20_000),
    "many fields": http("GET /health", *[b"A: a"] * 5_000),
    "target of no characters": http("GET /client/%ff%fe"),
    "target of bytes": http("GET /client/\xff\xfe"),
    "target that is no URL": http("GET http://[/"),
    "NUL in a field": http("GET /health", b"A: \0"),
    "Authorization of bytes": http(
        "POST /whip", b"Authorization: Bearer \xff", b"Content-Length: 0"
    ),
    "two lengths": http("POST /whip", b"Content-Length: 3", b"Content-Length: 4", body=b"abcd"),
    "length and chunks": http("POST /whip", b"Content-Length: 3", b"Transfer-Encoding: chunked"),
    "length below zero": http("POST /whip", b"Content-Length: -3"),
    "no chunk": http(f"POST {KEYS}", b"Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n"),
    "no second chunk": http(
        f"POST {KEYS}", b"Transfer-Encoding: chunked", body=b"1\r\na\r\nzz\r\n"
    ),
    "no gzip": http(f"POST {KEYS}", b"Content-Encoding: gzip", b"Content-Length: 5", body=b"abcde"),
    "no deflate": http(
        "POST /whip",
        *(b"Content-Type: application/sdp", b"Content-Encoding: deflate", b"Content-Length: 5"),
        body=b"abcde",
    ),
    "body of bytes": http(f"POST {KEYS}", b"Content-Length: 2", body=b"\xff\xfe"),
    "origin and host": http("POST /whip", b"Origin: http://[[[", b"Content-Length: 0"),
    "expectation": http("POST /whip", b"Expect: nonsense", b"Content-Length: 0"),
    "range": http("GET /", b"Range: bytes=zz"),
    "Engine.IO: no session": http(
        "POST /socket.io/?EIO=4&transport=polling&sid=x", b"Content-Length: 2", body=b"b\xff"
    ),
    "Engine.IO: no gzip": http(
        "POST /socket.io/?EIO=4&transport=polling",
        *(b"Content-Encoding: gzip", b"Content-Length: 2"),
        body=b"40",
    ),
    "Engine.IO: no version": http("GET /socket.io/?EIO=%ff&transport=%00"),
    "Engine.IO: no WebSocket": http("GET /socket.io/?EIO=4&transport=websocket"),
}

DOORS = ("/socket.io/?EIO=4&transport=websocket", "/v1/realtime", "/sip")


def upgrade(door: str, key: bytes = b"dGhlIHNhbXBsZSBub25jZQ==") -> bytes:
    fields = [b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + key]
    fields += [b"Sec-WebSocket-Protocol: sip"] if door == "/sip" else []
    return http(f"GET {door}", *fields).replace(b"Connection: close", b"Connection: Upgrade")


def frame(first: int, data: bytes, length: bytes | None = None) -> bytes:
    """A masked one (RFC 6455 §5.2), its mask all zeros."""
    size = bytes([len(data)]) if length is None else length
    return bytes([first, 0x80 | size[0]]) + size[1:] + bytes(4) + data


FRAMES = {
    "text of no characters": frame(0x81, b"40\xff\xfe"),
    "reserved bits": frame(0xF1, b"40"),
    "reserved opcode": frame(0x85, b"x"),
    "continuation of nothing": frame(0x80, b"x"),
    "a message within another": frame(0x01, b"4") + frame(0x81, b"0"),
    "ping in pieces": frame(0x09, b"x"),
    "ping too long": frame(0x89, b"", b"\x7e\x00\xc8"),
    "length of half the world": frame(0x81, b"x", b"\x7f\x40" + bytes(7)),
    "close with half a code": frame(0x88, b"x"),
    "close with no code": frame(0x88, b"\0\1"),
    "close of no characters": frame(0x88, b"\x03\xe8\xff\xfe"),
    "noise": b"\xff" * 50,
}


@pytest_asyncio.fixture
async def quiet(model: StandIn, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Gateway]:
    """A gateway, with somebody in a call meanwhile: neither may have anything to complain of."""
    with structlog.testing.capture_logs() as logged:
        async with running_gateway(model.url) as gateway, Caller(gateway.url) as stranger:
            await stranger.join()
            await stranger.reach_model()
            yield gateway
            assert (await stranger.ask("mute", True))["ok"]
            assert not stranger.ended.is_set()
    assert [entry for entry in logged if entry["log_level"] == "error"] == []
    # Engine.IO tells of the first client of each kind.
    records = [*caplog.get_records("call"), *caplog.records]
    mine = [record for record in records if record.name.partition(".")[0] == "aiohttp"]
    assert [record for record in mine if record.levelno >= logging.ERROR] == []


async def said(gateway: Gateway, sent: bytes) -> bytes:
    """All that is answered until the gateway closes."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    finally:
        writer.close()


async def test_requests(quiet: Gateway) -> None:
    answers = await asyncio.gather(*(said(quiet, sent) for sent in REFUSED.values()))
    for what, answer in zip(REFUSED, answers, strict=True):
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), (what, answer)


async def test_frames(quiet: Gateway) -> None:
    cases = [(door, what) for door in DOORS for what in FRAMES]
    sent = [upgrade(door) + FRAMES[what] for door, what in cases]
    answers = await asyncio.gather(*(said(quiet, each) for each in sent))
    for case, answer in zip(cases, answers, strict=True):
        assert answer.startswith(b"HTTP/1.1 101"), (case, answer)
        # 1002, 1007 or 1009 (RFC 6455 §7.4.1).
        assert answer[-4:-2] == b"\x88\x02", (case, answer)
        assert int.from_bytes(answer[-2:]) in (1002, 1007, 1009), (case, answer)
    sessions = quiet.sessions
    assert sessions is not None
    await until(lambda: len(sessions) == 1)


async def test_who_leaves_in_the_middle(quiet: Gateway) -> None:
    halves = [
        http(f"POST {KEYS}", b"Content-Length: 50", body=b"{"),
        http("POST /socket.io/?EIO=4&transport=polling", b"Content-Length: 50", body=b"4"),
        *(upgrade(door) + frame(0x81, b"4", b"\x32") for door in DOORS),
        *(upgrade(door)[:-20] for door in DOORS),
    ]
    port = int(quiet.url.rpartition(":")[2])
    for half in halves:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(half)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            await reader.read()
        writer.close()
    server = quiet._runner and quiet._runner.server
    assert server is not None
    await until(lambda: len(server.connections) == 1)
