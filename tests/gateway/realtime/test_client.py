import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest

from gateway.core.replay import ReplayBuffer
from gateway.core.rollover import Moment
from gateway.realtime import client as module
from gateway.realtime import protocol
from gateway.realtime.client import RealtimeClient
from gateway.realtime.connection import Connection
from gateway.realtime.wire import Endpoint, ModelRefused
from tests.stand_in import StandIn


class Told:
    """A handler that keeps what it was told."""

    def __init__(self) -> None:
        self.connected = asyncio.Queue[None]()
        self.events = asyncio.Queue[protocol.Event]()
        self.lost = asyncio.Queue[str | None]()
        self.former = asyncio.Queue[protocol.Event]()
        self.moved = list[bool]()
        self.said: tuple[str, ...] = ()
        self.now = Moment.QUIET
        self.words_missing = False

    def configuration(self) -> protocol.Event:
        return protocol.session_update({})

    def briefing(self, known: set[str]) -> Iterable[protocol.Event]:
        for item_id in set(self.said) - known:
            known.add(item_id)
            yield protocol.message_item("user", "Hello.", item_id)

    def moment(self) -> Moment:
        return self.now

    def awaits_words(self) -> bool:
        return self.words_missing

    def on_model_connected(self, known: set[str], *, moved: bool) -> None:
        self.moved.append(moved)
        self.connected.put_nowait(None)

    def on_former_event(self, event: protocol.Event) -> None:
        self.former.put_nowait(event)

    def on_model_event(self, event: protocol.Event) -> None:
        self.events.put_nowait(event)

    def on_model_lost(self, reason: str | None) -> None:
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
        client = RealtimeClient(Endpoint(server.url, "model-x", "key-1"), told, ReplayBuffer())
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
        async with running(RealtimeClient(Endpoint(server.url, "m"), told, ReplayBuffer())):
            line = await server.line()
        assert "Authorization" not in line.headers


async def test_events_of_the_beta_protocol_get_their_ga_names() -> None:
    async with StandIn() as server:
        told = Told()
        async with running(RealtimeClient(Endpoint(server.url), told, ReplayBuffer())):
            line = await server.line()
            assert (await told.events.get())["type"] == "session.created"
            await line.send("response.audio.delta", delta="AAA=")
            assert (await told.events.get())["type"] == "response.output_audio.delta"


async def test_frames_that_are_no_events_are_left_out() -> None:
    async with StandIn() as server:
        told = Told()
        async with running(RealtimeClient(Endpoint(server.url), told, ReplayBuffer())):
            line = await server.line()
            await told.events.get()
            for frame in ("not json", "[1]", '{"no": "type"}', '{"type": 7}'):
                await line.socket.send(frame)
            await line.send("session.updated", session={})
            assert (await told.events.get())["type"] == "session.updated"


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_ends_the_attempts_with_a_clear_sentence(status: int) -> None:
    async with StandIn(refuse=status) as server:
        endpoint = Endpoint(server.url, api_key="sk-secret-value")
        client = RealtimeClient(endpoint, Told(), ReplayBuffer())
        with pytest.raises(ModelRefused, match=f"HTTP {status}") as refused:
            await client.run()
        assert "sk-secret-value" not in str(refused.value)


async def test_a_server_out_of_order_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.01,))
    async with StandIn(refuse=503) as server:
        told = Told()
        async with running(RealtimeClient(Endpoint(server.url), told, ReplayBuffer())):
            assert "503" in (await told.lost.get() or "")
            server.refuse = None
            await told.connected.get()
            assert told.lost.empty(), "one outage is told once"


async def test_a_lost_connection_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.01,))
    async with StandIn() as server:
        told = Told()
        client = RealtimeClient(Endpoint(server.url), told, ReplayBuffer())
        async with running(client):
            await told.connected.get()
            line = await server.line()
            await line.socket.close()
            await told.lost.get()
            assert not client.connected
            client.send(protocol.commit())
            assert client.backlog == 0, "a fresh connection is told all anyway"
            await told.connected.get()
            assert len(server.lines) == 2


async def test_a_server_that_is_not_there_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.01,))
    async with StandIn() as server:
        url, port = server.url, server.port
    told = Told()
    async with running(RealtimeClient(Endpoint(url), told, ReplayBuffer())):
        assert "cannot be reached" in (await told.lost.get() or "")
        async with StandIn(port=port):
            await told.connected.get()
        assert "closed" in (await told.lost.get() or "")


async def test_a_session_that_ends_as_its_model_goes_away_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ending, may_end = asyncio.Event(), asyncio.Event()

    async def lingering(self: Connection) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    monkeypatch.setattr(Connection, "_write", lingering)
    async with StandIn() as server:
        client = RealtimeClient(Endpoint(server.url), Told(), ReplayBuffer())
        task = asyncio.create_task(client.run())
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


def limited(server: StandIn, seconds: float) -> Endpoint:
    return Endpoint(server.url, session_limit=seconds)


async def test_before_its_time_is_up_a_connection_is_followed_by_one_that_knows_all() -> None:
    async with StandIn() as server:
        told = Told()
        told.said = ("item_1", "item_2")
        client = RealtimeClient(limited(server, 1.0), told, ReplayBuffer())
        async with running(client):
            await told.connected.get()
            told.words_missing = True
            successor = await server.line(1)
            await successor.wait_for("conversation.item.create", count=2)
            await told.connected.get()
            assert told.moved == [False, True]
            client.send(protocol.clear())
            await successor.wait_for("input_audio_buffer.clear")
            former = server.lines[0]
            await former.send("rate_limits.updated")
            assert (await told.former.get())["type"] == "rate_limits.updated"
            told.words_missing = False
            await former.socket.wait_closed()
            assert told.lost.empty()


async def test_an_earlier_end_that_the_server_tells_counts() -> None:
    async with StandIn() as server:
        told = Told()
        server.expires_in = 3.0
        async with running(RealtimeClient(Endpoint(server.url), told, ReplayBuffer())):
            await told.connected.get()
            await server.line(1, timeout=5.0)


async def test_settings_that_change_meanwhile_reach_the_successor() -> None:
    async with StandIn() as server:
        told = Told()
        told.now = Moment.BUSY
        client = RealtimeClient(limited(server, 0.5), told, ReplayBuffer())
        async with running(client):
            await (await server.line(1)).wait_for("session.update")
            client.configure()
            for line in server.lines:
                await line.wait_for("session.update", count=2)


async def test_an_answer_is_not_left_but_a_loss_in_it_is_taken_up_at_once() -> None:
    async with StandIn() as server:
        told = Told()
        told.now = Moment.BUSY
        told.said = ("item_1",)
        client = RealtimeClient(limited(server, 0.3), told, ReplayBuffer())
        async with running(client):
            await told.connected.get()
            await (await server.line(1)).wait_for("conversation.item.create")
            line = await server.line()
            await line.send("error", error={"code": "session_expired"})
            assert await told.lost.get() is None
            await told.connected.get()
            assert told.moved == [False, False]
            assert client.connected


async def test_a_successor_that_cannot_be_had_does_not_end_a_call_that_goes_on() -> None:
    async with StandIn() as server:
        told = Told()
        client = RealtimeClient(limited(server, 0.5), told, ReplayBuffer())
        task = asyncio.create_task(client.run())
        await told.connected.get()
        server.refuse = 401
        await asyncio.wait([task], timeout=0.6)
        assert client.connected
        await (await server.line()).socket.close()
        with pytest.raises(ModelRefused):
            await task
