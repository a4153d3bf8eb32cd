"""What one trunk takes for its own; its calls are in ``test_trunks``."""

from __future__ import annotations

import asyncio

import pytest

from gateway.trunk_settings import SipTrunk
from signaling.sip.message import Request, parse
from signaling.sip.resolver import Resolver
from signaling.sip.timers import Timers
from signaling.sip.transaction import Transaction
from signaling.sip.transactions import Transactions
from signaling.sip.transport import Listeners
from signaling.sip.trunk import Trunk
from tests.signaling.sip.callee import reply
from tests.signaling.sip.phone import Wire


class Nobody:
    def on_request(self, request: Request, transaction: Transaction, now: float) -> None: ...

    def on_ack(self, request: Request, now: float) -> None: ...


def trunk(**settings: object) -> Trunk:
    timers = Timers()
    given = {"name": "acme", "uri": "sip:acme.example;transport=tcp", **settings}
    return Trunk(
        SipTrunk.model_validate(given),
        Transactions(Nobody(), timers),
        timers,
        Listeners(lambda data, flow: None, lambda flow: None, (), None),
        Resolver(),
        lambda: None,
        moves=True,
    )


async def test_its_addresses_are_its_own_and_no_others() -> None:
    made = trunk(addresses=["192.0.2.0/25", "2001:db8::/32"])
    assert made.sends_by(Wire(remote=("192.0.2.7", 5060)))
    assert made.sends_by(Wire(remote=("2001:db8::7", 5060)))
    assert not made.sends_by(Wire(remote=("192.0.2.200", 5060)))
    assert not trunk().sends_by(Wire())


async def test_the_way_that_it_was_registered_by_is_its_own() -> None:
    made = trunk(register=True, user="line", password="p")
    registration = made._registration
    assert registration is not None
    flow = Wire(transport="tcp", reliable=True)
    registration.start(0.0)
    await asyncio.sleep(0)
    registration.connected(flow, 0.0)
    assert not made.sends_by(flow), "it has not said yes"

    accepted = parse(reply(flow.take()[0], 200, Expires="60"))
    made._asks._transactions.receive(accepted, flow, 0.0)
    assert made.sends_by(flow)
    assert not made.sends_by(Wire(transport="tcp", reliable=True))
    await made.close()


@pytest.mark.parametrize(
    ("target", "takes"),
    [("+49 (30) 123-4", True), ("sip:bob@pbx.example", True), ("bob", False), ("", False)],
)
async def test_what_can_be_called(target: str, takes: bool) -> None:
    assert trunk().takes(target) is takes
