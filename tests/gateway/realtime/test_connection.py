"""What is sent on one connection, in order and bounded; the server is a real one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.core.media_time import SAMPLE_RATE
from gateway.realtime import protocol
from gateway.realtime.connection import MAX_AUDIO_SAMPLES, MAX_COMMANDS, Connection, ModelOverrun
from gateway.realtime.wire import Endpoint, open_socket
from tests.stand_in import StandIn

APPEND = SAMPLE_RATE // 50


@contextlib.asynccontextmanager
async def reading(endpoint: Endpoint) -> AsyncIterator[Connection]:
    """An open connection, read by a task."""
    async with open_socket(endpoint) as socket:
        connection = Connection(socket, endpoint, 0.0)
        task = asyncio.create_task(connection.read(lambda event: True))
        try:
            yield connection
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_reading_ends_when_the_connection_is_of_no_more_use() -> None:
    kinds: list[str] = []

    def take(event: protocol.Event) -> bool:
        kinds.append(event["type"])
        return event["type"] != "error"

    async with StandIn() as server, open_socket(Endpoint(server.url)) as socket:
        reader = asyncio.create_task(Connection(socket, Endpoint(server.url), 0.0).read(take))
        line = await server.line()
        await line.send("error", error={"code": "session_expired"})
        await line.send("rate_limits.updated")
        async with asyncio.timeout(5):
            await reader
    assert kinds == ["session.created", "error"]


def numbered(number: int) -> bytes:
    """One append's audio, known by its samples."""
    return number.to_bytes(2, "little") * APPEND


async def fill(connection: Connection) -> int:
    """Send to a server that reads nothing until something waits. Returns how many appends."""
    sent = 0
    while connection.backlog == 0:
        for _ in range(50):
            connection.append(numbered(sent))
            sent += 1
        await asyncio.sleep(0)
    return sent


async def test_a_stalled_server_is_noticed_within_seconds_of_audio() -> None:
    async with StandIn() as server, reading(Endpoint(server.url)) as connection:
        with (await server.line()).stalled():
            sent = await fill(connection)
        # What both kernels hold by now is lost to us: a receive buffer and a send buffer's end.
        assert sent * APPEND < 10 * SAMPLE_RATE


async def test_audio_that_waits_too_long_is_dropped_oldest_first_and_counted() -> None:
    async with StandIn() as server:
        async with reading(Endpoint(server.url)) as connection:
            line = await server.line()
            most = MAX_AUDIO_SAMPLES // APPEND
            with line.stalled():
                await fill(connection)
                connection.send(protocol.clear())
                before = connection.dropped_samples
                for number in range(10_000, 10_010 + most):
                    connection.append(numbered(number))
                assert connection.dropped_samples - before >= 10 * APPEND
                assert connection.backlog <= most + 1
            await line.wait_for("input_audio_buffer.clear")
            connection.send(protocol.commit())
            await line.wait_for("input_audio_buffer.commit")
            tail = bytes(line.audio)[-most * 2 * APPEND :]
        assert tail == b"".join(numbered(number) for number in range(10_010, 10_010 + most))


async def test_commands_without_end_are_an_error_of_their_own() -> None:
    async with StandIn() as server, reading(Endpoint(server.url)) as connection:
        with (await server.line()).stalled():
            await fill(connection)
            for _ in range(MAX_COMMANDS):
                connection.send(protocol.clear())
            with pytest.raises(ModelOverrun):
                connection.send(protocol.clear())


async def test_audio_is_gathered_until_an_event_is_full_or_a_command_follows() -> None:
    async with StandIn() as server:
        async with reading(Endpoint(server.url, append_ms=60)) as connection:
            for number in range(7):
                connection.append(numbered(number))
            connection.send(protocol.commit())
            line = await server.line()
            await line.wait_for("input_audio_buffer.commit")
        assert bytes(line.audio) == b"".join(numbered(number) for number in range(7))
        assert len(line.appended_at) == 3
