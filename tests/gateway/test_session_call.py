from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.agents.call_control import NotPossible, TransferRefused
from gateway.core.events import AgentEvent
from gateway.media.leg import KeysNotTaken
from gateway.session_call import CallLine, SessionCall


class PhoneLeg:
    """Takes so many keys."""

    def __init__(self, takes: int = 100) -> None:
        self.done: list[str] = []
        self._takes = takes

    async def send_dtmf(self, keys: str) -> None:
        self.done.append(keys[: self._takes])
        if len(keys) > self._takes:
            raise KeysNotTaken(keys[self._takes :])


class Line(CallLine):
    prefers_signaling = False

    def __init__(self) -> None:
        self.done: list[str] = []

    async def transfer(self, target: str | None) -> None:
        if target == "nobody":
            raise TransferRefused("486 Busy Here")
        self.done.append(target)

    async def press(self, keys: str) -> None:
        self.done.append(keys)


def telephone(leg: Any) -> tuple[SessionCall, Line]:
    call, line = SessionCall(lambda: leg, [].append), Line()
    call.line = line
    return call, line


async def test_a_caller_is_passed_on_by_the_line() -> None:
    call, line = telephone(object())
    await call.transfer("sip:ann@example.com")
    with pytest.raises(TransferRefused, match="486 Busy Here"):
        await call.transfer("nobody")
    assert line.done == ["sip:ann@example.com"]


async def test_a_caller_is_passed_on_once_what_is_said_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call, line = telephone(object())
    call.note_quiet(False)
    passing = asyncio.ensure_future(call.transfer("sip:ann@example.com"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert line.done == []
    call.note_quiet(True)
    await passing
    assert line.done == ["sip:ann@example.com"]
    monkeypatch.setattr("gateway.session_call.LAST_WORDS", 0.01)
    call.note_quiet(False)
    await call.transfer("sip:bob@example.com")
    assert line.done[-1] == "sip:bob@example.com", "it is not waited for ever"


@pytest.mark.parametrize(
    ("leg", "pressed", "signaled"),
    [(PhoneLeg(), ["123"], []), (PhoneLeg(1), ["1"], ["23"]), (object(), [], ["123"])],
)
async def test_keys_go_by_the_media_as_far_as_it_takes_them(
    leg: Any, pressed: list[str], signaled: list[str]
) -> None:
    call, line = telephone(leg)
    await call.send_dtmf("123")
    assert getattr(leg, "done", []) == pressed
    assert line.done == signaled


async def test_a_browser_gets_its_keys_by_signaling() -> None:
    leg = PhoneLeg()
    call, line = telephone(leg)
    line.prefers_signaling = True
    await call.send_dtmf("1")
    assert (leg.done, line.done) == ([], ["1"])


@pytest.mark.parametrize("leg", [None, object(), PhoneLeg()])
async def test_what_is_no_telephone_takes_nothing(leg: Any) -> None:
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
