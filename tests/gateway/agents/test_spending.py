"""Whose account is charged: that of the session whose task asks."""

from __future__ import annotations

import asyncio

from gateway.agents.spending import charge_to, spend
from gateway.core.usage import Tokens


async def test_tasks_of_a_session_spend_its_money_and_nobody_elses() -> None:
    bills: dict[str, list[tuple[str, Tokens]]] = {"a": [], "b": []}

    async def session(name: str) -> None:
        charge_to(lambda model, tokens: bills[name].append((model, tokens)))
        await asyncio.create_task(asyncio.to_thread(spend, f"model of {name}", Tokens(1)))

    await asyncio.gather(asyncio.create_task(session("a")), asyncio.create_task(session("b")))
    spend("nobody's", Tokens(1))
    assert bills == {
        "a": [("model of a", Tokens(1))],
        "b": [("model of b", Tokens(1))],
    }
