from __future__ import annotations

from typing import Any

import pytest

from gateway.agents.call_control import NotPossible
from gateway.core.events import AgentEvent
from gateway.media.leg import TransferRefused
from gateway.session_call import SessionCall


class SipLeg:
    def __init__(self) -> None:
        self.done: list[str] = []

    async def transfer(self, target: str) -> None:
        if target == "nobody":
            raise TransferRefused("486 Busy Here")
        self.done.append(target)

    async def send_dtmf(self, keys: str) -> None:
        self.done.append(keys)


async def test_what_a_leg_can_do_is_passed_to_it() -> None:
    leg: Any = SipLeg()
    call = SessionCall(lambda: leg, [].append)
    await call.transfer("sip:ann@example.com")
    await call.send_dtmf("12")
    with pytest.raises(NotPossible, match="486 Busy Here"):
        await call.transfer("nobody")
    assert leg.done == ["sip:ann@example.com", "12"]


@pytest.mark.parametrize("leg", [None, object()])
async def test_what_no_leg_can_do_is_refused(leg: Any) -> None:
    call = SessionCall(lambda: leg, [].append)
    with pytest.raises(NotPossible, match="a transfer is not possible on this kind of call"):
        await call.transfer("sip:ann@example.com")
    with pytest.raises(NotPossible, match="pressing keys is not possible on this kind of call"):
        await call.send_dtmf("12")


async def test_a_wish_to_hang_up_is_kept_and_shown() -> None:
    told: list[Any] = []
    call = SessionCall(lambda: None, told.append)
    call.hang_up("all done")
    assert call.goodbye.wished
    assert told == [AgentEvent({"type": "hang_up", "reason": "all done"})]
