import asyncio

import pytest

from gateway.realtime import protocol
from gateway.realtime.wire import Endpoint, ModelRefused, ModelSocket, ModelUnreachable, open_socket
from tests.stand_in import StandIn


def test_the_endpoint_keeps_its_key_to_itself() -> None:
    assert "sk-1" not in repr(Endpoint("wss://example.org/v1/realtime", "m", "sk-1"))


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
        line = await server.line()
        line.socket.transport.pause_reading()
        frame = protocol.append_frame(bytes(960))
        for _ in range(100_000):
            if not socket.send_now(frame):
                break
        else:
            pytest.fail("a server that does not read is never noticed")
        waiting = asyncio.create_task(_send_for_ever(socket, frame))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        waiting.cancel()


async def _send_for_ever(socket: ModelSocket, frame: bytes) -> None:
    while True:
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
