from __future__ import annotations

import pytest

from gateway.agents.call_control import CallControl, NotPossible
from gateway.agents.call_tools import hang_up, pass_to_person, send_dtmf, transfer_call
from gateway.agents.tool import ToolContext, ToolFailure


class Phone(CallControl):
    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []

    def hang_up(self, reason: str) -> None:
        self.done.append(("hang up", reason))

    async def transfer(self, target: str | None) -> None:
        self.done.append(("transfer", target or "a person"))

    async def send_dtmf(self, keys: str) -> None:
        self.done.append(("keys", keys))


async def test_a_phone_does_what_agents_ask() -> None:
    phone = Phone()
    context = ToolContext("sess_1", "front", call=phone)
    await hang_up.run({"reason": "all done"}, context)
    await transfer_call.run({"target": "+12065550100"}, context)
    await pass_to_person.run({}, context)
    await send_dtmf.run({"keys": "1#"}, context)
    assert phone.done == [
        ("hang up", "all done"),
        ("transfer", "+12065550100"),
        ("transfer", "a person"),
        ("keys", "1#"),
    ]


@pytest.mark.parametrize("keys", ["", "E", "1 2", "1" * 65])
async def test_keys_that_no_telephone_has_are_refused(keys: str) -> None:
    phone = Phone()
    with pytest.raises(ToolFailure, match="expected 1 to 64"):
        await send_dtmf.run({"keys": keys}, ToolContext("sess_1", "front", call=phone))
    assert phone.done == []


async def test_what_a_call_cannot_do_is_said() -> None:
    context = ToolContext("sess_1", "front")
    with pytest.raises(NotPossible, match="not possible on this kind of call"):
        await transfer_call.run({"target": "+12065550100"}, context)
    with pytest.raises(NotPossible, match="not possible on this kind of call"):
        await send_dtmf.run({"keys": "1"}, context)
