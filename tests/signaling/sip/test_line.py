"""What agents ask of a phone's call, and what the phone is asked and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from gateway.agents.call_control import NotPossible, TransferRefused
from signaling.sip.line import PhoneLine
from tests.signaling.sip.phone import Phone, Wire, header, kind
from tests.signaling.sip.test_session_timer import reply
from tests.signaling.sip.test_user_agent import Desk

ALL = "INVITE, ACK, BYE, INFO, REFER, NOTIFY"


class Scene:
    def __init__(self, allow: str = ALL, transport: str = "udp") -> None:
        self.desk, self.phone, self.settled = Desk(), Phone(), 0
        self.desk.wire = Wire(transport)
        self.call = self.desk.answered(self.phone, **({"Allow": allow} if allow else {}))
        self.line = PhoneLine(self.call, self._settle)

    def _settle(self) -> None:
        self.settled += 1

    async def asked(self) -> str:
        """The next request that the phone gets."""
        for _ in range(10):
            await asyncio.sleep(0)
        (request,) = self.desk.wire.take()
        return request

    def answer(self, request: str, code: int) -> None:
        self.desk.hear(reply(request, code))


async def refused(what: Awaitable[None], why: str) -> None:
    with pytest.raises(NotPossible, match=why):
        await what


async def test_a_caller_is_passed_on() -> None:
    scene = Scene()
    passing = asyncio.ensure_future(scene.line.transfer("+12065550100"))
    refer = await scene.asked()
    assert header(refer, "Refer-To") == "<sip:+12065550100@phone.example;user=phone>"
    assert scene.settled == 1
    await refused(scene.line.transfer("sip:bob@example.com"), "being passed on already")
    scene.answer(refer, 202)
    frag = scene.phone.request("NOTIFY", "SIP/2.0 200 OK", kind="message/sipfrag", Event="refer")
    assert scene.desk.hear(frag) == ["BYE", "200"]
    await passing


async def test_a_caller_that_was_not_taken_may_be_passed_on_again() -> None:
    scene = Scene(allow="")
    for code in (405, 603):
        passing = asyncio.ensure_future(scene.line.transfer("sip:ann@example.com"))
        scene.answer(await scene.asked(), code)
        with pytest.raises(TransferRefused, match=f"refuses: {code}"):
            await passing
    assert not scene.desk.ended


async def test_a_transfer_that_makes_no_sense_asks_nothing() -> None:
    scene = Scene()
    await refused(scene.line.transfer("the boss"), "no phone number and no SIP address")
    await refused(Scene("INVITE, BYE").line.transfer("+1206"), "takes no transfers")
    scene.desk.hear(scene.phone.request("BYE"))
    await refused(scene.line.transfer("+1206"), "not possible now")
    assert scene.desk.wire.sent == []


async def test_a_caller_who_wants_a_person() -> None:
    scene = Scene()
    await refused(scene.line.transfer(None), "nobody to pass callers on to")
    line = PhoneLine(scene.call, scene._settle, "sip:desk@pbx.example")
    passing = asyncio.ensure_future(line.transfer(None))
    refer = await scene.asked()
    assert header(refer, "Refer-To") == "<sip:desk@pbx.example>"
    scene.answer(refer, 202)
    frag = scene.phone.request("NOTIFY", "SIP/2.0 200 OK", kind="message/sipfrag", Event="refer")
    assert scene.desk.hear(frag) == ["BYE", "200"]
    await passing


async def test_who_stopped_waiting_for_a_transfer_harms_nothing() -> None:
    scene = Scene()
    passing = asyncio.ensure_future(scene.line.transfer("+1206"))
    refer = await scene.asked()
    passing.cancel()
    await asyncio.wait([passing])
    scene.answer(refer, 603)
    assert scene.call.transfer is not None
    assert scene.call.transfer.is_over


async def test_keys_go_one_after_the_other() -> None:
    scene = Scene()
    pressing = [asyncio.ensure_future(scene.line.press(keys)) for keys in ("1#", "A")]
    for key in "1#A":
        info = await scene.asked()
        assert (kind(info), header(info, "Content-Type")) == ("INFO", "application/dtmf-relay")
        assert info.endswith(f"\r\n\r\nSignal={key}\r\nDuration=160\r\n")
        scene.answer(info, 200)
    await asyncio.gather(*pressing)


async def test_keys_that_a_phone_does_not_take() -> None:
    scene = Scene()
    pressing = asyncio.ensure_future(scene.line.press("12"))
    scene.answer(await scene.asked(), 415)
    await refused(pressing, "takes no keys")
    for allow in ("INVITE, BYE", ""):
        await refused(Scene(allow).line.press("1"), "takes no keys")
    scene.desk.hear(scene.phone.request("BYE"))
    await refused(scene.line.press("1"), "takes no keys")
    assert scene.desk.wire.sent == []


@pytest.mark.parametrize(
    ("transport", "allow", "prefers"),
    [("udp", ALL, False), ("ws", ALL, True), ("wss", ALL, True), ("ws", "INVITE", False)],
)
async def test_a_browser_gets_its_keys_by_signaling(
    transport: str, allow: str, prefers: bool
) -> None:
    assert Scene(allow, transport).line.prefers_signaling is prefers
