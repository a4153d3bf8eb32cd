"""A client that drops may come back to its session, for a while."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from gateway.session import Session
from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.listening_model import ListeningModel, frame
from tests.signaling.callers import PATIENCE, Caller, until
from tests.stand_in import StandIn


def session_of(gateway: Gateway, joined: dict[str, Any]) -> Session:
    assert gateway.sessions is not None
    return gateway.sessions.find(joined["sessionId"], joined["resumeToken"])


async def until_nobody_listens(session: Session) -> None:
    await until(lambda: session._mailbox._listener is None)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_who_comes_back_is_told_in_order_what_was_missed(
    gateway: Gateway, model: StandIn, transport: str
) -> None:
    async with Caller(gateway.url, transport) as caller:
        joined = await caller.join(userId="ann")
        await caller.reach_model()
        line = await model.line()
        await line.question("Told before.")
        await caller.wait("message")
    session = session_of(gateway, joined)
    await until_nobody_listens(session)
    for number in range(5):
        await line.question(f"Missed {number}.")
    await until(lambda: session._mailbox.backlog == 5 * 6)
    async with Caller(gateway.url, transport) as again:
        assert await again.resume(joined) == {"ok": True, **joined}
        await line.question("Told after.")
        await again.wait("message", lambda m: m["content"] == "Told after.")
        assert [m["content"] for m in again.of("message")] == [
            *(f"Missed {number}." for number in range(5)),
            "Told after.",
        ]
        kinds = [event[0] for event in again.events]
        assert kinds.index("message") < kinds.index("session_status")
        starts = [
            event["type"]
            for event in again.of("realtime_event")
            if event["type"] == "input_audio_buffer.speech_started"
        ]
        assert len(starts) == 6
        assert again.of("session_status") == [
            {"status": "CONNECTED", "sessionId": joined["sessionId"], "userId": "ann"}
        ]


async def test_lines_told_to_a_connection_that_was_lost_are_told_again(
    gateway: Gateway, model: StandIn
) -> None:
    async with Caller(gateway.url) as caller:
        joined = await caller.join()
        await caller.reach_model()
        line = await model.line()
        await line.question("Did you get this?")
        told = await caller.wait("message")
        session = session_of(gateway, joined)
        door = gateway._door
        assert door is not None
        door._server.cut(next(iter(door._clients)))
        await until_nobody_listens(session)
    async with Caller(gateway.url) as again:
        await again.resume(joined)
        assert await again.wait("message") == told


@pytest.mark.parametrize("token", ["guess", "ключ", "x" * 256])
async def test_a_wrong_token_opens_nothing(gateway: Gateway, token: str) -> None:
    async with Caller(gateway.url) as caller, Caller(gateway.url) as thief:
        joined = await caller.join()
        refused = await thief.resume({**joined, "resumeToken": token})
        assert refused["error"]["code"] == "session_expired"
        unknown = await thief.resume({**joined, "sessionId": "sess_1"})
        assert unknown == refused, "it does not say which of the two was wrong"
        assert (await thief.ask("interrupt"))["error"]["code"] == "no_session"
        assert (await caller.ask("interrupt")) == {"ok": True}


async def test_who_does_not_come_back_in_time_finds_the_session_ended(model: StandIn) -> None:
    async with running_gateway(model.url, reconnect_grace=0.05) as gateway:
        async with Caller(gateway.url) as caller:
            joined = await caller.join()
            await caller.reach_model()
            session = session_of(gateway, joined)
        line = await model.line()
        async with asyncio.timeout(PATIENCE):
            await line.socket.wait_closed()
            await session._ended.wait()
        assert session.end_reason == "the client did not come back"
        async with Caller(gateway.url) as late:
            refused = await late.resume(joined)
            assert refused["error"]["code"] == "session_expired"


async def test_who_comes_back_stops_the_clock(model: StandIn) -> None:
    async with running_gateway(model.url) as gateway:
        async with Caller(gateway.url) as caller:
            joined = await caller.join()
        session, sessions = session_of(gateway, joined), gateway.sessions
        assert sessions is not None
        await until_nobody_listens(session)
        (timer,) = sessions._graces.values()
        async with Caller(gateway.url) as again:
            assert (await again.resume(joined))["ok"]
            assert timer.cancelled()
            assert not sessions._graces


async def test_a_second_connection_takes_the_session_over(gateway: Gateway) -> None:
    async with Caller(gateway.url) as second:
        async with Caller(gateway.url) as first:
            joined = await first.join()
            assert (await second.resume(joined))["ok"]
            status = await first.wait(
                "session_status", lambda told: told["status"] == "DISCONNECTED"
            )
            assert status["sessionId"] == joined["sessionId"]
            assert status["reason"] == "another connection resumed the session"
            assert (await first.ask("interrupt"))["error"]["code"] == "no_session"
            await second.ask("send_text", "Mine now.")
            await second.wait("message")
            assert not first.of("message")
        # The first one's going is nothing to the session.
        assert (await second.ask("send_text", "Still mine."))["ok"]
        assert not session_of(gateway, joined).ended


async def test_who_resumes_a_session_leaves_the_one_it_had(gateway: Gateway) -> None:
    async with Caller(gateway.url) as caller:
        async with Caller(gateway.url) as dropped:
            old = await dropped.join()
        own = await caller.join()
        assert (await caller.resume(old))["ok"]
        ended = await caller.wait("session_status", lambda s: s["status"] == "DISCONNECTED")
        assert ended["sessionId"] == own["sessionId"]
        await caller.ask("send_text", "Back again.")
        await caller.wait("message")
        assert gateway.sessions is not None
        assert len(gateway.sessions) == 1


async def test_a_session_its_client_ended_cannot_be_resumed(gateway: Gateway) -> None:
    async with Caller(gateway.url) as caller:
        joined = await caller.join()
        await caller.ask("disconnect_session")
        assert (await caller.resume(joined))["error"]["code"] == "session_expired"


async def test_a_client_that_is_lost_while_it_joins_leaves_no_session(
    gateway: Gateway, model: StandIn
) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        door = gateway._door
        assert door is not None
        (client,) = door._clients.values()
        joining = asyncio.create_task(door._join(client, {}))  # it ends the first session first
        await asyncio.sleep(0)
        door._server.cut(client.sid)
        await asyncio.wait([joining])
        assert joining.exception() is not None
        sessions = gateway.sessions
        assert sessions is not None
        await until(lambda: len(sessions) == 0)


async def test_two_connections_of_one_user_have_each_their_own_session(
    gateway: Gateway, model: StandIn
) -> None:
    async with Caller(gateway.url) as one, Caller(gateway.url) as other:
        mine, yours = await one.join(userId="ann"), await other.join(userId="ann")
        assert mine["sessionId"] != yours["sessionId"]
        await one.ask("send_text", "Only mine.")
        await one.wait("message")
        await one.ask("disconnect_session")
        await other.ask("send_text", "Only yours.")
        assert (await other.wait("message"))["content"] == "Only yours."
        assert not [s for s in other.of("session_status") if s["status"] == "DISCONNECTED"]


@pytest.mark.timeout(60)
async def test_a_socket_that_drops_for_ten_seconds_in_mid_sentence_costs_neither_side_a_word() -> (
    None
):
    """A client keeps what its caller says meanwhile; what the agent says waits in the gateway."""
    async with ListeningModel() as model, running_gateway(model.url) as gateway:
        model.answer_seconds = 3.0
        async with Caller(gateway.url) as speaker, Caller(gateway.url) as listener:
            speaking, listening = await speaker.join(), await listener.join()
            await speaker.ask("send_audio", silent(0, 20) + spoken(20, 30))
            await listener.ask("send_audio", spoken(0, 50) + silent(50, 15))
            # 300 ms lie ahead at the client: in the middle of the answer.
            await listener.wait("audio_response", count=60)
        sessions = [session_of(gateway, joined) for joined in (speaking, listening)]
        for session in sessions:
            await until_nobody_listens(session)
        await asyncio.sleep(10.0)
        async with Caller(gateway.url) as speaker_again, Caller(gateway.url) as listener_again:
            assert (await speaker_again.resume(speaking))["ok"]
            assert (await listener_again.resume(listening))["ok"]
            await speaker_again.ask("send_audio", spoken(50, 30) + silent(80, 15))
            line = await speaker_again.wait("message")
            assert (line["role"], line["content"]) == ("user", "20-79")
            await listener_again.wait("message", lambda line: line["role"] == "assistant")
            voice = [*listener.of("audio_response"), *listener_again.of("audio_response")]
            heard = b"".join(base64.b64decode(pcm) for pcm in voice)
            assert len(heard) == 3.0 * 24_000 * 2
            lines = [*listener.of("message"), *listener_again.of("message")]
            assert [line["content"] for line in lines] == ["0-49", "Yes."]
            assert sorted(map(len, model.heard)) == [65, 95]


def spoken(first: int, count: int) -> bytes:
    return b"".join(frame(number, speech=True) for number in range(first, first + count))


def silent(first: int, count: int) -> bytes:
    return b"".join(frame(number, speech=False) for number in range(first, first + count))
