"""The live sessions together, with a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway import sessions as module
from gateway.core.events import ErrorCode, GatewayError, Message, Status
from gateway.session import Session
from gateway.sessions import Sessions
from tests.gateways import Ear, live_sessions
from tests.stand_in import StandIn


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def sessions(model: StandIn) -> AsyncIterator[Sessions]:
    async with live_sessions(model.url) as live:
        yield live


def begin(sessions: Sessions) -> tuple[Session, Ear]:
    session, ear = sessions.open("ann"), Ear()
    session.attach(ear)
    return session, ear


def code(refused: pytest.ExceptionInfo[GatewayError]) -> ErrorCode:
    return refused.value.code


async def test_sessions_are_counted_from_their_opening_to_their_end(sessions: Sessions) -> None:
    first, second = sessions.open("ann"), sessions.open("bob")
    assert len(sessions) == 2
    assert first.id != second.id
    await sessions.end(first, "enough")
    assert len(sessions) == 1
    await sessions.end(first, "again")
    assert first.end_reason == "enough"


async def test_the_state_of_the_model_is_known(sessions: Sessions) -> None:
    assert sessions.model_state == "idle"
    session, ear = begin(sessions)
    assert sessions.model_state == "unreachable"
    await ear.status(Status.CONNECTED)
    assert sessions.model_state == "connected"
    await sessions.end(session, "enough")
    assert sessions.model_state == "idle"


async def test_at_the_limit_there_is_no_capacity(model: StandIn) -> None:
    async with live_sessions(model.url, max_sessions=2) as sessions:
        first = sessions.open("ann")
        sessions.open("bob")
        with pytest.raises(GatewayError) as refused:
            sessions.open("eve")
        assert code(refused) is ErrorCode.CAPACITY
        assert sessions.admit(None, freed=1).name == "chat_supervisor"
        await sessions.end(first, "enough")
        sessions.open("eve")


async def test_an_agent_set_that_does_not_exist_opens_nothing(sessions: Sessions) -> None:
    with pytest.raises(GatewayError) as refused:
        sessions.open("ann", agent_set="choir")
    assert code(refused) is ErrorCode.BAD_REQUEST
    assert "chat_supervisor" in refused.value.message
    assert len(sessions) == 0


async def test_agent_sets_are_found_by_name(sessions: Sessions) -> None:
    assert sessions.find_agents("chat_supervisor").name == "chat_supervisor"


@pytest.mark.parametrize("token", ["", "guess", "ключ", "\ud800"])
async def test_a_wrong_token_finds_nothing(sessions: Sessions, token: str) -> None:
    session = sessions.open("ann")
    with pytest.raises(GatewayError) as wrong:
        sessions.find(session.id, token)
    with pytest.raises(GatewayError) as unknown:
        sessions.find("sess_1", session.resume_token)
    assert code(wrong) is code(unknown) is ErrorCode.SESSION_EXPIRED
    assert wrong.value.message == unknown.value.message
    assert sessions.find(session.id, session.resume_token) is session


async def test_a_released_session_waits_for_its_client(sessions: Sessions, model: StandIn) -> None:
    session, ear = begin(sessions)
    await ear.status(Status.CONNECTED)
    sessions.release(session, certain=True)
    await (await model.line()).question("Hello?")
    again = Ear()
    assert sessions.resume(session.id, session.resume_token) is session
    session.attach(again)
    await again.wait(Message)
    assert not ear.of(Message)
    assert not sessions._graces


async def test_a_released_session_ends_after_the_grace(model: StandIn) -> None:
    async with live_sessions(model.url, grace=0.02) as sessions:
        session, _ = begin(sessions)
        sessions.release(session, certain=True)
        async with asyncio.timeout(10):
            await session._ended.wait()
        assert session.end_reason == "the client did not come back"
        with pytest.raises(GatewayError):
            sessions.resume(session.id, session.resume_token)


async def test_releasing_a_session_that_ended_starts_no_clock(sessions: Sessions) -> None:
    session, _ = begin(sessions)
    await sessions.end(session, "enough")
    sessions.release(session, certain=True)
    assert not sessions._graces


async def test_a_released_session_that_ends_stops_its_clock(sessions: Sessions) -> None:
    session, _ = begin(sessions)
    sessions.release(session, certain=True)
    (timer,) = sessions._graces.values()
    await sessions.end(session, "enough")
    assert timer.cancelled()
    assert not sessions._graces


async def test_draining_lets_live_ones_finish_and_takes_no_more(sessions: Sessions) -> None:
    session, ear = begin(sessions)
    draining = asyncio.create_task(sessions.drain(10))
    await asyncio.sleep(0)
    with pytest.raises(GatewayError) as refused:
        sessions.open("bob")
    assert code(refused) is ErrorCode.CAPACITY
    await ear.status(Status.CONNECTED)
    assert not draining.done()
    session.end("said goodbye")
    async with asyncio.timeout(5):
        await draining
    assert (await ear.status(Status.DISCONNECTED)).reason == "said goodbye"


async def test_after_the_drain_those_left_are_ended(sessions: Sessions) -> None:
    ears = [begin(sessions)[1] for _ in range(3)]
    await sessions.drain(0.01)
    for ear in ears:
        assert (await ear.status(Status.DISCONNECTED)).reason == "the gateway is shutting down"
    assert len(sessions) == 0


async def test_one_that_does_not_end_does_not_hold_up_the_stop(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "END_TIMEOUT", 0.05)
    session, _ = begin(sessions)

    async def stuck() -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(session.legs, "close", stuck)
    async with asyncio.timeout(5):
        await sessions.drain(0)
    assert len(sessions) == 0
