"""Who acts is known in the tasks that serve a request, and in no other."""

from __future__ import annotations

import asyncio

from gateway.audit.actor import GATEWAY, Actor, acting, acts

ALICE = Actor("alice", "whip")


async def test_it_goes_with_the_tasks_that_a_request_starts() -> None:
    async def who() -> Actor:
        await asyncio.sleep(0)
        return acting()

    other = asyncio.create_task(who())
    with acts(ALICE):
        started = asyncio.create_task(who())
        with acts(Actor("bob", "sip")):
            assert acting().name == "bob"
        assert acting() == ALICE
    assert (await started, await other, acting()) == (ALICE, GATEWAY, GATEWAY)
