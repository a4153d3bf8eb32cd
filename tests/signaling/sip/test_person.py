"""Whom callers get who want a person: as it is written, and in a call."""

from __future__ import annotations

import pytest

from gateway.config import SettingsError
from signaling.sip.person import person_of
from tests.calling_model import CallingModel
from tests.gateways import loopback_settings, running_gateway
from tests.signaling.sip.callee import reply
from tests.signaling.sip.phone import Phone, header, kind
from tests.signaling.sip.test_door import LISTEN, socket


def test_nobody_unless_it_is_set() -> None:
    assert person_of(loopback_settings(None)) is None


@pytest.mark.parametrize("target", ["+1 206 555 0100", "1000", "sip:desk@pbx.example"])
def test_a_number_or_an_address(target: str) -> None:
    assert person_of(loopback_settings(None, sip_transfer_to=target)) == target


@pytest.mark.parametrize("target", ["the boss", "sip:", "http://pbx.example", "sip:a@b?Replaces=c"])
def test_what_is_neither_stops_the_start(target: str) -> None:
    settings = loopback_settings(None, sip_transfer_to=target)
    with pytest.raises(SettingsError) as caught:
        person_of(settings)
    assert str(caught.value).startswith(f"SIP_TRANSFER_TO={target}: the target is no ")


async def test_an_agent_of_the_house_passes_a_caller_on() -> None:
    """With the set that answers unless another one is chosen."""
    async with (
        CallingModel() as model,
        running_gateway(model.url, sip_listen=LISTEN, sip_transfer_to="1000") as gateway,
        socket(gateway) as wire,
    ):
        phone = Phone()
        await wire.established(phone)
        line = await model.calling_line()
        await line.wait_for("session.update")
        await line.call_tools(("pass_to_person", {}))
        refer = await wire.final()
        assert kind(refer) == "REFER"
        assert header(refer, "Refer-To") == "<sip:1000@phone.example;user=phone>"
        wire.send(reply(refer, 202, Refer_Sub="false"))
        assert kind(await wire.final()) == "BYE"
