from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.media.media_first import MediaFirst

FAULT = OSError("a fault")


class Owner(asyncio.DatagramProtocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.told.append(transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.told.append(data)

    def error_received(self, exc: Exception) -> None:
        self.told.append(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")


class Socket(asyncio.DatagramTransport):
    max_size = 256 * 1024


@pytest.mark.parametrize("first", [0x80, 0x90, 0xBF])
def test_media_passes_by(first: int) -> None:
    owner, media = Owner(), list[bytes]()
    MediaFirst(owner, media.append).datagram_received(bytes([first, 0]), ("127.0.0.1", 9))
    assert (media, owner.told) == ([bytes([first, 0])], [])


@pytest.mark.parametrize("data", [b"", b"\0\1", b"\x14", b"\x3f", b"\x7f", b"\xc0"], ids=repr)
def test_stun_and_dtls_take_the_way_of_the_owner(data: bytes) -> None:
    owner, media = Owner(), list[bytes]()
    MediaFirst(owner, media.append).datagram_received(data, ("127.0.0.1", 9))
    assert (media, owner.told) == ([], [data])


def test_the_owner_learns_what_happens_to_its_socket() -> None:
    owner, socket = Owner(), Socket()
    before = MediaFirst(owner, lambda data: None)
    before.connection_made(socket)
    before.error_received(FAULT)
    before.connection_lost(None)
    assert owner.told == [socket, FAULT, "lost"]
    assert socket.max_size < Socket.max_size
