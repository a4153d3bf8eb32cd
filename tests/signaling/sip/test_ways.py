"""Which ways lead to whom is called; those that do are walked in ``test_trunks``."""

from __future__ import annotations

import pytest

from signaling.sip.called import BadAddress
from signaling.sip.message import Request, parse
from signaling.sip.registrar import Registrar
from signaling.sip.timers import Timers
from signaling.sip.ways import NotReachable, ways_to
from tests.gateways import running_gateway
from tests.signaling.sip.phone import Phone, Wire
from tests.signaling.sip.test_trunks import door_of, trunk
from tests.stand_in import StandIn


def registered(user: str) -> Registrar:
    registrar = Registrar(Timers())
    phone = Phone(user)
    phone.uri = f"sip:{user}@talkpath.example"
    asked = parse(phone.request("REGISTER", Expires="600"))
    assert isinstance(asked, Request)
    wire = Wire(remote=("127.0.0.1", 5060))
    assert registrar.register(asked, None, wire, 0.0)[0] == 200
    return registrar


async def test_a_name_that_is_registered_goes_before_a_trunk(model: StandIn) -> None:
    async with running_gateway(model.url, sip_trunks=(trunk(9, "tcp", qualify=0),)) as gateway:
        trunks, registrar = door_of(gateway).trunks, registered("bob")
        for to in ("bob", "sip:bob@anywhere.example"):
            (way,) = await ways_to(to, None, registrar, trunks)
            assert way.uri == "sip:alice@192.0.2.7:5060"
            assert not way.trusted
        (way,) = await ways_to("bob", "desk", registrar, trunks)
        assert way.sender == "sip:desk@198.51.100.1"
        for to, error in (
            ("eve", "nobody is registered"),
            ("+49 30 1234", "the trunk acme is not reached"),
            ("sip:eve@anywhere.example", "the trunk acme is not reached"),
        ):
            with pytest.raises(NotReachable, match=error):
                await ways_to(to, None, registrar, trunks)
        for to in ("", "what is this?", "sip:"):
            with pytest.raises(BadAddress):
                await ways_to(to, None, registrar, trunks)
        with pytest.raises(BadAddress):
            await ways_to("+4930", "who are you", registrar, trunks)
