from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from signaling import client_inbox
from signaling.client_inbox import ClientInbox, Message
from tests.signaling.callers import until


class Taker:
    """Takes messages while ``open``."""

    def __init__(self, *, slowly: bool = False) -> None:
        self.taken: list[Message] = []
        self.slowly = slowly
        self.open = asyncio.Event()
        self.inbox = ClientInbox(self.take_now, self.take)
        self.left = False

    def take_now(self, message: Message) -> bool:
        if self.slowly or not self.open.is_set():
            return False
        self.taken.append(message)
        return True

    async def take(self, message: Message) -> None:
        await self.open.wait()
        await asyncio.sleep(0)
        self.taken.append(message)


@contextlib.asynccontextmanager
async def reading(taker: Taker) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await taker.inbox.read(socket)
        taker.left = True
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"http://{host}:{port}/", autoclose=False) as socket,
    ):
        yield socket
    await runner.cleanup()


@pytest.mark.parametrize("slowly", [False, True])
async def test_messages_are_taken_in_their_order(slowly: bool) -> None:
    taker = Taker(slowly=slowly)
    async with reading(taker) as socket:
        for number in range(50):
            await socket.send_str(str(number))
            if number == 20:
                await until(lambda: len(taker.inbox._waiting) > 5)
                taker.open.set()
        await until(lambda: len(taker.taken) == 50)
    assert taker.taken == [str(number) for number in range(50)]


@pytest.mark.parametrize("slowly", [False, True])
async def test_others_get_their_turn_while_many_come_at_once(slowly: bool) -> None:
    taker = Taker(slowly=slowly)
    taker.open.set()
    most, before = 0, 0

    def is_done() -> bool:
        nonlocal most, before
        most, before = max(most, len(taker.taken) - before), len(taker.taken)
        return before == 2_000

    async with reading(taker) as socket:
        transport = socket._conn.transport if socket._conn is not None else None
        assert transport is not None
        # Masked by nothing: one write, so that they come in few pieces.
        transport.write(b"\x81\x81\0\0\0\0x" * 2_000)
        await until(is_done)
    assert most <= client_inbox.BURST


@pytest.mark.parametrize("is_open", [False, True])
async def test_who_leaves_is_noticed_and_what_was_sent_last_is_taken(
    monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    monkeypatch.setattr(client_inbox, "LEAVE_TIMEOUT", 5.0 if is_open else 0.05)
    taker = Taker(slowly=True)
    async with reading(taker) as socket:
        await socket.send_str("one")
        await socket.send_str("two")
        await until(lambda: len(taker.inbox._waiting) == 1)
        if is_open:
            taker.open.set()
        await socket.close()
        await until(lambda: taker.left)
    assert taker.taken == (["one", "two"] if is_open else [])


@pytest.mark.parametrize(("limit", "value"), [("MAX_MESSAGES", 3), ("MAX_LENGTH", 30)])
async def test_what_waits_is_bounded(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(client_inbox, limit, value)
    taker = Taker(slowly=True)
    most = 0

    def is_full() -> bool:
        nonlocal most
        most = max(most, len(taker.inbox._waiting))
        return not taker.inbox._room.is_set()

    async with reading(taker) as socket:
        for number in range(20):
            await socket.send_str(f"{number:010}")
        await until(is_full)
        taker.open.set()

        def is_done() -> bool:
            is_full()
            return len(taker.taken) == 20

        await until(is_done)
    assert most <= 3
    assert [int(message) for message in taker.taken] == list(range(20))


async def test_a_fault_of_the_takers_ends_the_reading() -> None:
    async def fails(message: Message) -> None:
        raise RuntimeError

    taker = Taker()
    taker.inbox = ClientInbox(taker.take_now, fails)
    async with reading(taker) as socket:
        await socket.send_str("one")
        async with asyncio.timeout(10):
            while (await socket.receive()).type not in (
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.CLOSE,
                aiohttp.WSMsgType.ERROR,
            ):
                pass
    assert not taker.left
