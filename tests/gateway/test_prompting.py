"""A supervisor's line, at a real session with a stand-in model."""

from __future__ import annotations

from gateway.core.turns import Turn
from gateway.prompting import prompt
from tests.gateways import live_sessions
from tests.signaling.callers import until
from tests.stand_in import StandIn


async def test_the_agent_is_told_and_asked_to_speak() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann")
        line = await model.line()
        await line.wait_for("session.update")
        prompt(session.parts, "Offer a discount.")
        created = await line.wait_for("conversation.item.create")
        assert created["item"]["role"] == "system"
        assert "Offer a discount." in created["item"]["content"][0]["text"]
        await line.wait_for("response.create")


async def test_it_does_not_talk_into_the_caller() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann")
        line = await model.line()
        await line.wait_for("session.update")
        await line.speech_started()
        await until(lambda: session.parts.conversation.turns.now is Turn.CALLER_SPEAKING)
        prompt(session.parts, "Offer a discount.")
        await line.wait_for("conversation.item.create")
        assert "response.create" not in [event["type"] for event in line.received]
