"""A client's queue, on a real connection."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.events import Message
from signaling import client
from signaling.app import Gateway
from tests.signaling.callers import PATIENCE, Bare, Caller
from tests.stand_in import StandIn

PADDING = "x" * 4_000


async def test_a_client_that_does_not_read_is_cut_off_and_may_resume(
    gateway: Gateway, model: StandIn
) -> None:
    async with Bare(gateway.url) as slow, Caller(gateway.url) as other:
        await slow.connect()
        joined = await slow.ask(1, "join_session", {})
        line = await model.line()
        await other.join()
        sessions = gateway.sessions
        assert sessions is not None
        session = sessions.find(joined["sessionId"], joined["resumeToken"])
        sent = 0
        # Until the pipe, and then the queue, are full.
        while session._mailbox._listener is not None:
            await line.send("rate_limits.updated", padding=PADDING)
            sent += 1
            assert sent < 20 * client.MAX_BACKLOG
        assert (await other.ask("send_text", "All is well."))["ok"]
        assert not session.ended
        async with Caller(gateway.url) as again:
            await line.question("Is anybody there?")
            assert (await again.resume(joined))["ok"]
            await again.wait("message", lambda m: m["content"] == "Is anybody there?")


async def test_a_client_that_asks_without_reading_is_cut_off_too(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_BACKLOG", 100)
    async with Bare(gateway.url) as slow, Caller(gateway.url) as other:
        await slow.connect()
        assert (await slow.ask(1, "join_session", {}))["ok"]
        await other.join()
        question = f'422["send_text","{PADDING}"]'

        async def flood() -> None:
            while True:
                await slow.send(question)

        flooding = asyncio.create_task(flood())
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([flooding])
        assert isinstance(flooding.exception(), ConnectionError)
        assert (await other.ask("send_text", "All is well."))["ok"]


async def test_what_was_told_is_flushed_before_a_leave_is_acknowledged(
    gateway: Gateway, model: StandIn
) -> None:
    async with Caller(gateway.url) as caller:
        session = await caller.join()
        sessions = gateway.sessions
        assert sessions is not None
        live = sessions.find(session["sessionId"], session["resumeToken"])
        for number in range(500):
            live._emit(Message(f"item_{number}", "text", "user", str(number), number))
        assert (await caller.ask("disconnect_session"))["ok"]
        assert [m["content"] for m in caller.of("message")] == [str(n) for n in range(500)]
        assert caller.events[-1][0] == "session_status"
