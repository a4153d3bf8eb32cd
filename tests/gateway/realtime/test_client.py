import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.core.media_time import SAMPLE_RATE
from gateway.realtime import client as module
from gateway.realtime import protocol
from gateway.realtime.client import MAX_AUDIO_SAMPLES, MAX_COMMANDS, ModelOverrun, RealtimeClient
from gateway.realtime.wire import Endpoint, ModelRefused
from tests.stand_in import StandIn

APPEND = SAMPLE_RATE // 50


class Told:
    """A handler that keeps what it was told."""

    def __init__(self) -> None:
        self.connected = asyncio.Queue[None]()
        self.events = asyncio.Queue[protocol.Event]()
        self.lost = asyncio.Queue[str]()

    def on_model_connected(self) -> None:
        self.connected.put_nowait(None)

    def on_model_event(self, event: protocol.Event) -> None:
        self.events.put_nowait(event)

    def on_model_lost(self, reason: str) -> None:
        self.lost.put_nowait(reason)


@contextlib.asynccontextmanager
async def running(client: RealtimeClient) -> AsyncIterator[None]:
    task = asyncio.create_task(client.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_audio_and_commands_arrive_in_the_order_sent() -> None:
    async with StandIn() as server:
        told = Told()
        client = RealtimeClient(Endpoint(server.url, "model-x", "key-1"), told)
        async with running(client):
            await told.connected.get()
            client.append(b"\1\0" * 480)
            client.append(b"\2\0" * 480)
            client.send(protocol.commit())
            line = await server.line()
            await line.wait_for("input_audio_buffer.commit")
        assert bytes(line.audio) == b"\1\0" * 480 + b"\2\0" * 480
        assert line.path == "/v1/realtime?model=model-x"
        assert line.headers["Authorization"] == "Bearer key-1"


async def test_no_key_sends_no_authorization() -> None:
    async with StandIn() as server:
        told = Told()
        async with running(RealtimeClient(Endpoint(server.url, "m"), told)):
            line = await server.line()
        assert "Authorization" not in line.headers


async def test_events_of_the_beta_protocol_get_their_ga_names() -> None:
    async with StandIn() as server:
        told = Told()
        async with running(RealtimeClient(Endpoint(server.url), told)):
            line = await server.line()
            assert (await told.events.get())["type"] == "session.created"
            await line.send("response.audio.delta", delta="AAA=")
            assert (await told.events.get())["type"] == "response.output_audio.delta"


async def test_frames_that_are_no_events_are_left_out() -> None:
    async with StandIn() as server:
        told = Told()
        async with running(RealtimeClient(Endpoint(server.url), told)):
            line = await server.line()
            await told.events.get()
            for frame in ("not json", "[1]", '{"no": "type"}', '{"type": 7}'):
                await line.socket.send(frame)
            await line.send("session.updated", session={})
            assert (await told.events.get())["type"] == "session.updated"


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_ends_the_attempts_with_a_clear_sentence(status: int) -> None:
    async with StandIn(refuse=status) as server:
        client = RealtimeClient(Endpoint(server.url, api_key="sk-secret-value"), Told())
        with pytest.raises(ModelRefused, match=f"HTTP {status}") as refused:
            await client.run()
        assert "sk-secret-value" not in str(refused.value)


async def test_a_server_out_of_order_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.01,))
    async with StandIn(refuse=503) as server:
        told = Told()
        async with running(RealtimeClient(Endpoint(server.url), told)):
            assert "503" in await told.lost.get()
            server.refuse = None
            await told.connected.get()
            assert told.lost.empty(), "one outage is told once"


async def test_a_lost_connection_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.01,))
    async with StandIn() as server:
        told = Told()
        client = RealtimeClient(Endpoint(server.url), told)
        async with running(client):
            await told.connected.get()
            line = await server.line()
            await line.socket.close()
            await told.lost.get()
            assert not client.connected
            client.append(b"\0\0")
            client.send(protocol.commit())
            assert client.backlog == 0, "nothing is kept for a connection that starts afresh"
            await told.connected.get()
            assert len(server.lines) == 2


async def test_a_server_that_is_not_there_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.01,))
    async with StandIn() as server:
        url, port = server.url, server.port
    told = Told()
    async with running(RealtimeClient(Endpoint(url), told)):
        assert "cannot be reached" in await told.lost.get()
        async with StandIn(port=port):
            await told.connected.get()
        assert "closed" in await told.lost.get()


def numbered(number: int) -> bytes:
    """One append's audio, known by its samples."""
    return number.to_bytes(2, "little") * APPEND


async def fill(client: RealtimeClient) -> int:
    """Send to a server that reads nothing until something waits. Returns how many appends."""
    sent = 0
    while client.backlog == 0:
        for _ in range(50):
            client.append(numbered(sent))
            sent += 1
        await asyncio.sleep(0)
    return sent


async def test_a_stalled_server_is_noticed_within_seconds_of_audio() -> None:
    async with StandIn() as server:
        told = Told()
        client = RealtimeClient(Endpoint(server.url), told)
        async with running(client):
            await told.connected.get()
            with (await server.line()).stalled():
                sent = await fill(client)
            # What both kernels hold by now is lost to us: a receive buffer and a send buffer's end.
            assert sent * APPEND < 10 * SAMPLE_RATE


async def test_audio_that_waits_too_long_is_dropped_oldest_first_and_counted() -> None:
    async with StandIn() as server:
        told = Told()
        client = RealtimeClient(Endpoint(server.url), told)
        async with running(client):
            await told.connected.get()
            line = await server.line()
            most = MAX_AUDIO_SAMPLES // APPEND
            with line.stalled():
                await fill(client)
                client.send(protocol.clear())
                before = client.dropped_samples
                for number in range(10_000, 10_010 + most):
                    client.append(numbered(number))
                assert client.dropped_samples - before >= 10 * APPEND
                assert client.backlog <= most + 1
            await line.wait_for("input_audio_buffer.clear")
            client.send(protocol.commit())
            await line.wait_for("input_audio_buffer.commit")
            tail = bytes(line.audio)[-most * 2 * APPEND :]
        assert tail == b"".join(numbered(number) for number in range(10_010, 10_010 + most))


async def test_commands_without_end_are_an_error_of_their_own() -> None:
    async with StandIn() as server:
        told = Told()
        client = RealtimeClient(Endpoint(server.url), told)
        async with running(client):
            await told.connected.get()
            with (await server.line()).stalled():
                await fill(client)
                for _ in range(MAX_COMMANDS):
                    client.send(protocol.clear())
                with pytest.raises(ModelOverrun):
                    client.send(protocol.clear())


async def test_audio_is_gathered_until_an_event_is_full_or_a_command_follows() -> None:
    async with StandIn() as server:
        told = Told()
        client = RealtimeClient(Endpoint(server.url, append_ms=60), told)
        async with running(client):
            await told.connected.get()
            for number in range(7):
                client.append(numbered(number))
            client.send(protocol.commit())
            line = await server.line()
            await line.wait_for("input_audio_buffer.commit")
        assert bytes(line.audio) == b"".join(numbered(number) for number in range(7))
        assert len(line.appended_at) == 3


async def test_a_session_that_ends_as_its_model_goes_away_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ending, may_end = asyncio.Event(), asyncio.Event()

    async def lingering(self: RealtimeClient, socket: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    monkeypatch.setattr(RealtimeClient, "_write", lingering)
    async with StandIn() as server:
        task = asyncio.create_task(RealtimeClient(Endpoint(server.url), Told()).run())
        line = await server.line()
        await line.socket.close()
        await ending.wait()
        task.cancel()
        await asyncio.wait([task], timeout=0.5)
        ended = task.cancelled()
        may_end.set()
        task.cancel()
        await asyncio.wait([task])
    assert ended
