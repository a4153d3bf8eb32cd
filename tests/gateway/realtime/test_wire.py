import asyncio

import pytest

from gateway.realtime import protocol, wire
from gateway.realtime.wire import (
    Endpoint,
    ModelRefused,
    ModelSocket,
    ModelUnreachable,
    _Masks,
    open_socket,
    text_frame,
)
from tests.stand_in import StandIn


def test_the_endpoint_keeps_its_key_to_itself() -> None:
    assert "sk-1" not in repr(Endpoint("wss://example.org/v1/realtime", "m", "sk-1"))


@pytest.mark.parametrize("length", [0, 1, 125, 126, 1330, 65_535, 65_536, 200_000])
async def test_a_frame_of_any_length_is_read_by_a_websocket(length: int) -> None:
    async with StandIn() as server, open_socket(Endpoint(server.url)) as socket:
        text = "x" * length
        assert socket.send_now(b'{"type":"probe","text":"%b"}' % text.encode())
        assert (await (await server.line()).wait_for("probe"))["text"] == text


def test_masks_do_not_repeat() -> None:
    first, second = text_frame(bytes(99), b"abcd"), text_frame(bytes(99), b"efgh")
    assert first[:2] == second[:2] == bytes([0x81, 0x80 | 99])
    assert first[2:6] == b"abcd"
    masks = _Masks()
    assert len({masks.next() for _ in range(1000)}) > 990


def test_a_model_in_the_url_wins() -> None:
    assert Endpoint("ws://h/r?model=a", "b").address == "ws://h/r?model=a"


async def test_what_is_written_at_once_and_what_is_awaited_keep_their_order() -> None:
    async with StandIn() as server:
        async with open_socket(Endpoint(server.url)) as socket:
            for number in range(200):
                frame = b'{"type":"probe","number":%d}' % number
                if number % 3 == 0 or not socket.send_now(frame):
                    await socket.send(frame)
            line = await server.line()
            await line.wait_for("probe", count=200)
        assert [event["number"] for event in line.received] == list(range(200))


async def test_nothing_is_written_at_once_while_earlier_frames_wait() -> None:
    async with StandIn() as server, open_socket(Endpoint(server.url)) as socket:
        frame = protocol.append_frame(bytes(960))
        with (await server.line()).stalled():
            written = 0
            while socket.send_now(frame):
                written += 1
            waiting = asyncio.create_task(_send(socket, frame, 100))
            done, _ = await asyncio.wait([waiting], timeout=0.05)
            assert not done
        await waiting
        assert len(await (await server.line()).wait_for_audio(480 * (written + 100)))


async def _send(socket: ModelSocket, frame: bytes, count: int) -> None:
    for _ in range(count):
        await socket.send(frame)


async def test_a_closed_connection_takes_nothing() -> None:
    async with StandIn() as server, open_socket(Endpoint(server.url)) as socket:
        line = await server.line()
        await line.socket.close()
        async for _ in socket.frames():
            pass
        assert not socket.send_now(b"{}")
        with pytest.raises(ModelUnreachable):
            await socket.send(b"{}")


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_is_told_apart(status: int) -> None:
    async with StandIn(refuse=status) as server:
        with pytest.raises(ModelRefused, match=f"HTTP {status}"):
            async with open_socket(Endpoint(server.url)):
                pass


async def test_a_server_out_of_order_may_be_tried_again() -> None:
    async with StandIn(refuse=503) as server:
        with pytest.raises(ModelUnreachable, match="HTTP 503"):
            async with open_socket(Endpoint(server.url)):
                pass


async def test_a_connection_ends_at_once_although_nobody_reads_what_it_brings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "CLOSE_TIMEOUT", 60.0)
    async with (
        StandIn() as server,
        asyncio.timeout(10.0),
        open_socket(Endpoint(server.url)) as socket,
    ):
        line = await server.line()
        for _ in range(200):
            await line.send("probe", text="x" * 1000)
        await socket.send(b'{"type":"probe"}')
