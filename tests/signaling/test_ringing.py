"""One decision about a call that rings, whoever makes it first."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.events import ErrorCode, GatewayError
from signaling.http_errors import Refused
from signaling.ringing import Declined, Ringing
from signaling.session_config import SessionConfig

CONFIG = SessionConfig(agent_set="haiku")


async def test_whoever_accepts_waits_until_the_call_is_answered() -> None:
    ringing = Ringing()
    accepting = asyncio.create_task(ringing.accept(CONFIG))
    assert await ringing.decided(10.0) == CONFIG
    assert not accepting.done()
    ringing.settle(None)
    await accepting


async def test_whoever_accepts_is_told_that_it_failed() -> None:
    ringing = Ringing()
    accepting = asyncio.create_task(ringing.accept(CONFIG))
    await ringing.decided(10.0)
    ringing.settle(GatewayError(ErrorCode.NEGOTIATION_FAILED, "no common codec"))
    ringing.settle(None)
    with pytest.raises(GatewayError, match="no common codec"):
        await accepting


@pytest.mark.parametrize(("code", "told"), [(486, 486), (None, 603)])
async def test_a_call_may_be_refused(code: int | None, told: int) -> None:
    ringing = Ringing()
    ringing.reject(*() if code is None else (code,))
    with pytest.raises(Declined) as caught:
        await ringing.decided(10.0)
    assert caught.value.code == told


async def test_what_was_decided_stays() -> None:
    ringing = Ringing()
    ringing.reject()
    with pytest.raises(Refused) as caught:
        await ringing.accept(CONFIG)
    assert caught.value.status == 409
    with pytest.raises(Refused):
        ringing.reject()


async def test_a_caller_that_leaves_ends_the_wait_of_both_sides() -> None:
    ringing = Ringing()
    waiting = asyncio.create_task(ringing.decided(10.0))
    await asyncio.sleep(0)
    ringing.leave()
    with pytest.raises(Declined):
        await waiting
    accepted = Ringing()
    accepting = asyncio.create_task(accepted.accept(CONFIG))
    await accepted.decided(10.0)
    accepted.leave()
    with pytest.raises(Refused) as caught:
        await accepting
    assert caught.value.status == 404


async def test_nobody_rings_for_ever() -> None:
    ringing = Ringing()
    with pytest.raises(Declined) as caught:
        await ringing.decided(0.0)
    assert caught.value.code == 480
    with pytest.raises(Refused):
        await ringing.accept(CONFIG)


async def test_one_that_accepted_may_give_up_waiting() -> None:
    ringing = Ringing()
    accepting = asyncio.create_task(ringing.accept(CONFIG))
    await ringing.decided(10.0)
    accepting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await accepting
    ringing.settle(None)
