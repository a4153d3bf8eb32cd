"""One session with a scripted model, and an ear in the place of a door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import structlog

from gateway.core.ending import Ending
from gateway.core.events import (
    ErrorCode,
    Failed,
    Message,
    Status,
    StatusChanged,
    UpstreamEvent,
)
from gateway.sessions import Sessions
from tests.gateways import Ear, begin, connected, live_sessions
from tests.stand_in import StandIn

KEY = "sk-live-0123456789abcdef"


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def sessions(model: StandIn) -> AsyncIterator[Sessions]:
    async with live_sessions(model.url, api_key=KEY) as live:
        yield live


# -- the model


async def test_the_model_is_told_what_the_session_wants(sessions: Sessions, model: StandIn) -> None:
    _, ear = begin(sessions, instructions="Be brief.", language="ko", model="other-model")
    await ear.status(Status.CONNECTED)
    line = await model.line()
    assert line.path.endswith("?model=other-model")
    assert line.headers["Authorization"] == f"Bearer {KEY}"
    session = (await line.wait_for("session.update"))["session"]
    assert session["instructions"] == "Be brief."
    assert session["audio"]["input"]["transcription"] == {
        "model": "some-recogniser",
        "language": "ko",
    }


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_model_that_refuses_ends_the_session_with_a_clear_word(status: int) -> None:
    async with StandIn(refuse=status) as model, live_sessions(model.url) as sessions:
        session, ear = begin(sessions)
        ended = await ear.status(Status.DISCONNECTED)
        (failed,) = ear.of(Failed)
        assert failed.code is ErrorCode.UPSTREAM_UNAVAILABLE
        assert f"HTTP {status}" in failed.message
        assert ended.reason == failed.message == session.end_reason


async def test_a_model_out_of_reach_is_told_once_and_tried_again() -> None:
    async with StandIn() as model:
        port, url = model.port, model.url
    async with live_sessions(url) as sessions:
        session, ear = begin(sessions)
        failed = await ear.wait(Failed)
        assert failed.code is ErrorCode.UPSTREAM_UNAVAILABLE
        assert session.status is Status.CONNECTING
        session.say("Is anybody there?")
        async with StandIn(port=port) as model:
            await ear.status(Status.CONNECTED)
            line = await model.line()
            await line.wait_for("response.create")
            item = (await line.wait_for("conversation.item.create"))["item"]
            assert item["content"][0]["text"] == "Is anybody there?"
            assert len(ear.of(Failed)) == 1


async def test_a_model_lost_in_mid_answer_is_told_and_the_conversation_goes_on() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session, ear, line = await connected(sessions, model)
        await line.question("What time is it?")
        await line.answer("It is about", b"\1\0" * 24_000, finish=False)
        await ear.wait(UpstreamEvent, lambda e: e.event["type"].endswith("transcript.delta"))
        line.socket.transport.abort()

        lost = await ear.status(Status.CONNECTING, count=2)
        assert lost.reason
        failed = await ear.wait(Failed)
        assert failed.code is ErrorCode.UPSTREAM_UNAVAILABLE
        assert "trying again" in failed.message
        await ear.wait(Message, count=2)
        said = [(m.role, m.content) for m in ear.of(Message)]
        assert said == [("user", "What time is it?"), ("assistant", "It is about")]

        await ear.status(Status.CONNECTED, count=2)
        fresh = await model.line(1)
        await fresh.wait_for("conversation.item.create", count=2)
        carried = [
            (event["item"]["role"], event["item"]["content"][0]["text"])
            for event in fresh.received
            if event["type"] == "conversation.item.create"
        ]
        assert carried == said
        await fresh.question("And now?")
        await fresh.answer("Noon.", b"\1\0" * 480)
        await ear.wait(Message, lambda m: m.content == "Noon.")
        assert not session.ended


async def test_a_fatal_error_ends_the_session_without_the_key(
    sessions: Sessions, model: StandIn
) -> None:
    session, ear, line = await connected(sessions, model)
    error = {"type": "invalid_request_error", "code": "invalid_api_key"}
    await line.send("error", error={**error, "message": f"Incorrect API key: {KEY}."})
    ended = await ear.status(Status.DISCONNECTED)
    (failed,) = ear.of(Failed)
    assert failed.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert ended.reason == "Incorrect API key: [redacted]."
    assert KEY not in repr(ear.told)
    assert session.ended


@pytest.mark.parametrize("error", [{"code": None, "message": "Hiccup."}, {}, "odd", None])
async def test_any_other_error_of_the_model_does_not_end_the_session(
    sessions: Sessions, model: StandIn, error: Any
) -> None:
    session, ear, line = await connected(sessions, model)
    await line.send("error", error=error)
    await ear.wait(UpstreamEvent, lambda e: e.event["type"] == "error")
    if isinstance(error, dict):
        assert ear.of(Failed)[0].code is ErrorCode.UPSTREAM_ERROR
    await line.question("Still there?")
    await ear.wait(Message)
    assert not session.ended


async def test_events_that_leave_out_fields_do_no_harm(sessions: Sessions, model: StandIn) -> None:
    session, ear, line = await connected(sessions, model)
    for kind in session._conversation._handlers:
        if kind != "error":
            await line.send(kind)
            await line.send(kind, item="?", response=7, delta=None, item_id=[])
    await line.socket.send("no JSON")
    await line.socket.send(b"\0\1")
    await line.socket.send("[]")
    await line.question("Still there?")
    await ear.wait(Message, lambda m: m.content == "Still there?")
    assert not session.ended


async def test_more_commands_than_the_model_takes_end_the_session(
    sessions: Sessions, model: StandIn
) -> None:
    session, ear, _ = await connected(sessions, model)
    for number in range(2_000):
        session.say(f"line {number}")
    await ear.status(Status.DISCONNECTED)
    (failed,) = ear.of(Failed)
    assert failed.code is ErrorCode.UPSTREAM_UNAVAILABLE


# -- its end


async def test_an_idle_session_expires(model: StandIn) -> None:
    async with live_sessions(model.url, idle=0.1) as sessions:
        _, ear = begin(sessions)
        ended = await ear.status(Status.DISCONNECTED)
        assert ended.reason == "nobody spoke for a while"
        assert ear.of(Failed) == [Failed(ErrorCode.SESSION_EXPIRED, "nobody spoke for a while")]


async def test_a_limit_is_warned_of_and_a_word_takes_the_warning_back(model: StandIn) -> None:
    async with live_sessions(model.url, idle=20.0) as sessions:
        session, ear, line = await connected(sessions, model)
        now = asyncio.get_running_loop().time()
        session._tick(now + 17.9)
        assert ear.of(StatusChanged)[-1].ends_in is None
        session._lifetime.touch(now - 18.5)
        session._tick(now)
        warning = ear.of(StatusChanged)[-1]
        assert (warning.status, warning.reason) == (Status.CONNECTED, Ending.IDLE)
        assert warning.ends_in == pytest.approx(1.5, abs=0.1)

        session.detach(certain=True)
        again = Ear()
        session.attach(again)
        (standing,) = again.told
        assert isinstance(standing, StatusChanged)
        assert standing.reason == Ending.IDLE

        await line.question("Still here.")
        await again.wait(Message)
        session._tick(asyncio.get_running_loop().time())
        assert again.of(StatusChanged)[-1] == StatusChanged(Status.CONNECTED)


async def test_what_the_model_says_of_itself_keeps_nobody_awake(model: StandIn) -> None:
    async with live_sessions(model.url, idle=20.0) as sessions:
        session, ear, line = await connected(sessions, model)
        session._lifetime.touch(0.0)
        await line.send("rate_limits.updated")
        await ear.wait(UpstreamEvent, lambda e: e.event["type"] == "rate_limits.updated")
        session._tick(asyncio.get_running_loop().time())
        assert session.end_reason == Ending.IDLE


async def test_a_session_that_is_still_heard_is_not_idle(model: StandIn) -> None:
    async with live_sessions(model.url, idle=1.5, duration=2.5) as sessions:
        session, ear = begin(sessions)
        session._playout.push("item", b"\1\0" * 72_000)
        ended = await ear.status(Status.DISCONNECTED)
        assert ended.reason == "the session reached its maximum duration"


async def test_the_first_reason_stays(sessions: Sessions) -> None:
    session, ear = begin(sessions)
    session.end("first")
    session.end("second")
    assert (await ear.status(Status.DISCONNECTED)).reason == "first"
    assert session.end_reason == "first"


async def test_a_session_ended_while_it_connects_leaves_nothing(sessions: Sessions) -> None:
    for turns in range(12):
        session, ear = begin(sessions)
        for _ in range(turns):
            await asyncio.sleep(0)
        await sessions.end(session, "changed my mind")
        assert ear.told[-1] == StatusChanged(Status.DISCONNECTED, "changed my mind")
        assert len(sessions) == 0


async def test_a_failure_inside_is_told_and_ends_one_session(
    sessions: Sessions, model: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, ear, line = await connected(sessions, model)
    other, _, _ = await connected(sessions, model)

    def broken(event: object, now: float) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(session._conversation, "handle", broken)
    await line.send("rate_limits.updated")
    ended = await ear.status(Status.DISCONNECTED)
    assert ear.of(Failed)[-1].code is ErrorCode.INTERNAL
    assert ended.reason == "the session failed inside the gateway"
    assert not other.ended


async def test_a_session_whose_task_is_cancelled_says_goodbye(sessions: Sessions) -> None:
    session, ear = begin(sessions)
    await ear.status(Status.CONNECTED)
    sessions._tasks[session.id].cancel()
    assert (await ear.status(Status.DISCONNECTED)).reason == "the gateway stopped"


# -- what is not said


async def test_logs_hold_no_secret_and_nothing_that_was_said() -> None:
    with structlog.testing.capture_logs() as records:
        async with StandIn() as model, live_sessions(model.url, api_key=KEY) as sessions:
            session, ear, line = await connected(sessions, model)
            await line.question("My pin is 4711.")
            await line.answer("Your pin is 4711.", b"\1\0" * 480)
            session.say("My pin is 4711.")
            await line.send("error", error={"code": "x", "message": "pin 4711"})
            await line.send("response.done", response="pin 4711")
            await ear.wait(UpstreamEvent, lambda e: e.event["type"] == "response.done", count=2)
            line.socket.transport.abort()
            await ear.status(Status.CONNECTING, count=2)
            token = session.resume_token
    assert records
    written = repr(records)
    for secret in ("4711", KEY, token):
        assert secret not in written
