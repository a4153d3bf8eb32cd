"""A session and those that watch over it, with a real connection to a model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.agents.agent import Agent, AgentSet
from gateway.agents.guardrails import PASSED, Category, GuardContext, Verdict
from gateway.agents.spending import spend
from gateway.agents.tool import Line
from gateway.agents.word_rules import WordRules
from gateway.core.events import AgentEvent, AgentSpeaks, TurnAnswered, UsageChanged
from gateway.core.usage import Price, Tokens
from gateway.session_usage import CostRules
from gateway.sessions import Sessions
from tests.gateways import connected, live_sessions
from tests.stand_in import StandIn


class Witness:
    """Passes everything, at a price, and remembers what it knew."""

    name = "witness"
    stride = 1
    timeout = 5.0
    blocks_when_away = False

    def __init__(self) -> None:
        self.knew: list[GuardContext] = []

    async def judge(self, text: str, context: GuardContext) -> Verdict:
        self.knew.append(context)
        spend("thinker", Tokens(text_in=1_000_000))
        return PASSED


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest_asyncio.fixture
async def sessions(model: StandIn, witness: Witness) -> AsyncIterator[Sessions]:
    guardrails = (witness, WordRules())
    agents = AgentSet("desk", (Agent("front", "Be kind."),), "front", "NewTelco", guardrails)
    costs = CostRules({"thinker": Price(text_in=2.0)})
    async with live_sessions(model.url, agents=agents, costs=costs) as live:
        yield live


async def test_a_text_answer_is_judged_and_its_judge_is_paid_by_the_session(
    sessions: Sessions, model: StandIn, witness: Witness
) -> None:
    session, ear, line = await connected(sessions, model)
    await line.question("Are you there?")
    answer = await line.answer("Oh, shut up now.", b"", finish=False)
    found = await ear.wait(AgentEvent, lambda e: e.event["type"] == "guardrail")
    assert found.event["itemId"] == answer
    assert found.event["category"] == Category.OFFENSIVE.value
    await line.wait_for("response.cancel")
    correction = await line.wait_for("conversation.item.create")
    assert correction["item"]["role"] == "system"
    await line.send("response.done", response={"id": "r", "output": []})

    knew = witness.knew[0]
    assert (knew.session_id, knew.agent, knew.company_name) == (session.id, "front", "NewTelco")
    assert Line("user", "Are you there?") in knew.conversation
    await sessions.end(session, "enough")
    usage = ear.of(UsageChanged)[-1].usage
    assert usage.models["thinker"].cost_usd == 2.0 * len(witness.knew)
    assert ear.told.index(ear.of(UsageChanged)[-1]) < len(ear.told) - 1


async def test_an_answer_to_a_turn_is_told_once_and_what_follows_it_by_itself(
    sessions: Sessions, model: StandIn
) -> None:
    _, ear, line = await connected(sessions, model)
    await line.question("Where is my order?")
    await line.answer("One moment.", bytes(4_800))
    await ear.wait(TurnAnswered)
    await line.answer("It is on its way.", bytes(4_800))
    await ear.wait(AgentSpeaks)
    assert len(ear.of(TurnAnswered)) == len(ear.of(AgentSpeaks)) == 1
