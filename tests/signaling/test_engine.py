"""python-socketio with the gateway's precautions, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from signaling.engine import MALFORMED, MAX_ATTACHMENTS, Packet, SocketServer
from tests.signaling.callers import PATIENCE, Bare, Caller, Poll, until

BIG = "x" * 100_000


class Door:
    """A server that counts, and what it saw."""

    def __init__(self, server: SocketServer) -> None:
        self.server = server
        self.url = ""
        self.sids: list[str] = []
        self.ends: list[bool] = []
        """For every connection that ended, whether it was lost."""
        self.calls: list[tuple[Any, ...]] = []
        self._changed = asyncio.Condition()
        server.on_connection(self._connect, self._disconnect)
        server.on("*", self._event)

    async def _connect(self, sid: str, token: str | None, request: web.Request) -> None:
        self.sids.append(sid)

    async def _disconnect(self, sid: str, lost: bool) -> None:
        self.ends.append(lost)
        async with self._changed:
            self._changed.notify_all()

    async def _event(self, name: str, sid: str, *args: Any) -> str:
        self.calls.append((name, *args))
        return "noted"

    async def lost(self, count: int = 1) -> bool:
        """Whether the ``count``-th connection that ended was lost."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(self.ends) >= count)
        return self.ends[count - 1]

    async def gone(self) -> None:
        """Until every connection has left the server's hands."""
        await until(lambda: not self.server._websockets)


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Door]:
    door = Door(SocketServer(lambda origin, host: True, **options))
    app = web.Application()
    app.add_routes(door.server.routes())
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield door
    finally:
        await door.server.close()
        await runner.cleanup()


def ping_tasks() -> list[asyncio.Task[Any]]:
    return [t for t in asyncio.all_tasks() if "_send_ping" in repr(t.get_coro())]


async def test_events_reach_their_handler_and_are_acknowledged() -> None:
    async with serving() as door, Caller(door.url) as caller:
        assert await caller.ask("hello", 1, {"two": 2}) == "noted"
        assert door.calls == [("hello", 1, {"two": 2})]
        await door.server.emit(door.sids[0], "news", ("good", "day"))
        await caller.wait("news")
        assert caller.events == [("news", "good", "day")]


async def test_a_close_is_told_from_a_loss() -> None:
    async with serving() as door:
        async with Caller(door.url):
            pass
        assert not await door.lost(1)
        async with Caller(door.url, "polling"):
            pass
        assert not await door.lost(2)
        async with Caller(door.url):
            door.server.cut(door.sids[-1])
            assert await door.lost(3)


async def test_no_ping_task_outlives_its_socket() -> None:
    async with serving(ping_interval=60) as door:
        async with Caller(door.url), Caller(door.url):
            assert len(ping_tasks()) == 2
        await door.gone()
        await until(lambda: not ping_tasks())


async def test_a_client_that_answers_no_ping_is_lost() -> None:
    hasty = serving(ping_interval=0.05, ping_timeout=0.05, linger=0.05)
    async with hasty as door, Bare(door.url) as bare:
        await bare.connect()
        assert await door.lost()
        await door.gone()


async def fill(door: Door, bare: Bare) -> None:
    """Send more than the kernel takes for a client that does not read."""
    sid = door.sids[0]
    while door.server.backlog(sid) < 100:
        await door.server.emit(sid, "news", BIG)
        await asyncio.sleep(0)


async def test_a_client_that_does_not_read_is_cut_for_all_its_pipe_is_full() -> None:
    async with serving(linger=60) as door, Bare(door.url) as bare:
        await bare.connect()
        await fill(door, bare)
        door.server.cut(door.sids[0])
        assert await door.lost()
        await door.gone()


async def test_a_full_pipe_holds_up_nobody_once_its_client_is_lost() -> None:
    hasty = serving(ping_interval=0.2, ping_timeout=0.2, linger=0.1)
    async with hasty as door, Bare(door.url) as bare:
        await bare.connect()
        await fill(door, bare)
        await door.lost()
        await door.gone()


async def test_a_polling_client_can_be_cut() -> None:
    async with serving() as door, Caller(door.url, "polling") as caller:
        door.server.cut(door.sids[0])
        assert await door.lost()
        async with asyncio.timeout(PATIENCE):
            await caller.ended.wait()


async def test_an_upgraded_client_can_be_cut() -> None:
    async with serving(linger=60) as door, aiohttp.ClientSession() as http:
        client = Poll(http, door.url)
        await client.connect()
        async with http.ws_connect(client.address + "websocket") as upgraded:
            await upgraded.send_str("2probe")
            assert await upgraded.receive_str() == "3probe"
            await upgraded.send_str("5")
            assert await upgraded.receive_str() == "6"
            door.server.cut(door.sids[0])
            assert await door.lost()
            await door.gone()


async def test_an_upgrade_that_gets_nowhere_is_given_up_and_its_client_polls_on() -> None:
    async with serving(upgrade_timeout=0.1) as door, aiohttp.ClientSession() as http:
        client = Poll(http, door.url)
        await client.connect()
        async with http.ws_connect(client.address + "websocket") as stuck:
            # It enters the namespace anew meanwhile, which is no reason to wait for it.
            await client.send("41", "40")
            async with asyncio.timeout(PATIENCE):
                assert (await stuck.receive()).type is aiohttp.WSMsgType.CLOSED
        await door.gone()
        await door.server.emit(door.sids[1], "news", "good")
        async with asyncio.timeout(PATIENCE):
            while not (told := await client.poll()).endswith('["news","good"]'):
                assert told


async def test_a_connection_that_is_upgraded_in_time_stays() -> None:
    patience = 1.0
    async with serving(upgrade_timeout=patience) as door, aiohttp.ClientSession() as http:
        client = Poll(http, door.url)
        await client.connect()
        async with http.ws_connect(client.address + "websocket") as upgraded:
            for said, heard in (("2probe", "3probe"), ("5", "6")):
                await upgraded.send_str(said)
                assert await upgraded.receive_str() == heard
            # Set after the server's own timer, of one loop: it is due after that.
            due = asyncio.Event()
            asyncio.get_running_loop().call_later(patience, due.set)
            await due.wait()
            await upgraded.send_str('420["still there"]')
            assert await upgraded.receive_str() == '430["noted"]'


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_who_does_not_enter_in_time_is_cut_off(transport: str) -> None:
    async with serving(enter_timeout=0.1) as door, aiohttp.ClientSession() as http:
        inside = Poll(http, door.url)
        await inside.connect()
        if transport == "websocket":
            address = f"{door.url}/socket.io/?EIO=4&transport=websocket"
            async with asyncio.timeout(PATIENCE), http.ws_connect(address) as outside:
                assert (await outside.receive_str()).startswith("0{")
                assert (await outside.receive()).type is aiohttp.WSMsgType.CLOSED
        else:
            address = f"{door.url}/socket.io/?EIO=4&transport=polling"
            async with http.get(address) as opened:
                sid = json.loads((await opened.text())[1:])["sid"]
            await until(lambda: not door.server.is_connected(sid))
        await door.server.emit(door.sids[0], "news", "good")
        assert (await inside.poll()).endswith('["news","good"]'), "who is inside stays"


async def test_one_connection_has_one_upgrade_at_a_time() -> None:
    async with serving() as door, aiohttp.ClientSession() as http:
        client = Poll(http, door.url)
        await client.connect()
        async with http.ws_connect(client.address + "websocket") as first:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(client.address + "websocket")
            assert caught.value.status == 400
            await first.send_str("2probe")
            assert await first.receive_str() == "3probe"


async def test_a_poll_ends_with_its_connection() -> None:
    async with serving() as door, aiohttp.ClientSession() as http:
        client = Poll(http, door.url)
        await client.connect()
        poll = asyncio.create_task(client.poll())
        (connection,) = door.server._engine.sockets.values()
        await until(lambda: connection.queue._getters)
        await client.send("41", "1")
        async with asyncio.timeout(PATIENCE / 2):
            assert await poll == ""
        assert not await door.lost()


async def test_a_client_may_leave_the_namespace_and_come_back_on_one_socket() -> None:
    async with serving(linger=0.05) as door, Bare(door.url) as bare:
        await bare.connect()
        await bare.send("41")
        await bare.connect()
        assert not await door.lost()
        assert len(door.sids) == 2
        (websocket,) = door.server._websockets
        assert websocket._timer is not None
        assert websocket._timer.cancelled(), "it is not to be cut any more"
        assert await bare.ask(1, "still here?") == "noted"
        await bare.send("41")
        await bare.closed()


async def test_closing_ends_every_kind_of_connection() -> None:
    async with contextlib.AsyncExitStack() as clients:
        async with serving() as door:
            caller = await clients.enter_async_context(Caller(door.url))
            http = await clients.enter_async_context(aiohttp.ClientSession())
            polling = Poll(http, door.url)
            await polling.connect()
            poll = asyncio.create_task(polling.poll())
            silent = await clients.enter_async_context(Bare(door.url))
            await silent.connect()
            outside = await clients.enter_async_context(Bare(door.url))
            mute = sockets.create_connection(("127.0.0.1", int(door.url.split(":")[-1])))
            clients.callback(mute.close)
        async with asyncio.timeout(PATIENCE):
            await caller.ended.wait()
            await poll
        await silent.closed()
        await outside.closed()
        assert len(door.ends) == 3


async def test_closing_waits_for_nobody_who_does_not_read() -> None:
    async with contextlib.AsyncExitStack() as clients:
        async with serving() as door:
            bare = await clients.enter_async_context(Bare(door.url))
            await bare.connect()
            await fill(door, bare)
            started = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started < 5


async def test_a_polling_client_may_send_many_packets_at_once() -> None:
    async with serving() as door, Caller(door.url, "polling") as caller:
        async with asyncio.TaskGroup() as tasks:
            for number in range(40):
                tasks.create_task(caller.ask("hello", number))
        assert [number for _, number in door.calls] == list(range(40))


@pytest.mark.parametrize(
    ("text", "data", "attachments"),
    [
        ('2["hello",1]', ["hello", 1], 0),
        ('217["hello"]', ["hello"], 0),
        ("0", None, 0),
        ('0{"token":"x"}', {"token": "x"}, 0),
        ("1", None, 0),
        ("35[1]", [1], 0),
        ('51-["a",{"_placeholder":true,"num":0}]', ["a", {"_placeholder": True, "num": 0}], 1),
        (f'5{MAX_ATTACHMENTS}-["a"]', ["a"], MAX_ATTACHMENTS),
        (f'5{MAX_ATTACHMENTS + 1}-["a"]', [MALFORMED], 0),
        ("5999999999999-[]", [MALFORMED], 0),
        ('50-["a"]', [MALFORMED], 0),
        ('2["connect"]', [MALFORMED], 0),
        ('2["*"]', [MALFORMED], 0),
        ("2[]", [MALFORMED], 0),
        ("2", [MALFORMED], 0),
        ("2{}", [MALFORMED], 0),
        ('2["a"', [MALFORMED], 0),
        ("4{}", [MALFORMED], 0),
        ("8", [MALFORMED], 0),
        ("", [MALFORMED], 0),
        ("hello", [MALFORMED], 0),
        ("2" + "[" * 100_000, [MALFORMED], 0),
    ],
)
def test_a_packet_is_always_readable(text: str, data: Any, attachments: int) -> None:
    packet = Packet(encoded_packet=text)
    assert packet.data == data
    assert packet.attachment_count == attachments


def test_the_number_of_an_unreadable_event_is_kept() -> None:
    assert Packet(encoded_packet='217["connect"]').id == 17


def test_binary_is_put_in_its_place() -> None:
    packet = Packet(encoded_packet='52-["a",{"_placeholder":true,"num":1}]')
    assert not packet.add_attachment(b"first")
    assert packet.add_attachment(b"second")
    assert packet.data == ["a", b"second"]


@pytest.mark.parametrize("number", ["2", '"0"', "null", "{}"])
def test_a_placeholder_for_nothing_is_malformed(number: str) -> None:
    packet = Packet(encoded_packet=f'51-["a",{{"_placeholder":true,"num":{number}}}]')
    assert packet.add_attachment(b"data")
    assert packet.data == [MALFORMED]


def test_text_in_the_place_of_binary_is_malformed() -> None:
    packet = Packet(encoded_packet='51-["a",{"_placeholder":true,"num":0}]')
    assert packet.add_attachment('2["b"]')
    assert packet.data == [MALFORMED]
