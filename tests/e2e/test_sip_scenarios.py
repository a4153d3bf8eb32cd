"""sipp, scenario by scenario: what phones do at the wrong moment, twice, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.media import rtp_leg
from gateway.sip_settings import parse_addresses
from signaling.app import Gateway
from signaling.sip import call as sip_call
from tests.e2e.interop import Tries
from tests.e2e.sipp import found, version
from tests.e2e.sipp_caller import call
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.stand_in import StandIn

SECRET = f"whsec_{32 * 'A'}"
LISTEN = parse_addresses("udp:127.0.0.1:0")


@pytest.fixture(autouse=True)
def _sipp() -> None:
    found()


async def run(gateway: Gateway, scenarios: Sequence[str], folder: Path, *, calls: int = 1) -> None:
    """All of them at once; afterwards no call is left."""
    sip = gateway.sip
    assert sip is not None
    async with asyncio.TaskGroup() as tasks:
        for each in scenarios:
            tasks.create_task(call(sip.addresses[0].port, each, folder, calls=calls))
    await until(lambda: not gateway.sessions and not sip._lines)


async def test_offers_and_cancels_at_any_moment(tmp_path: Path, interop: Tries) -> None:
    scenarios = (
        "CANCEL that races the answer",
        "CANCEL after the answer",
        "re-INVITE: hold and resume with another codec",
        "INVITE before the ACK of the last: 491",
        "UPDATE while an INVITE waits: 500 or 491",
    )
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_listen=LISTEN) as gateway,
    ):
        await run(gateway, scenarios, tmp_path, calls=5)
    interop(await version(), "UDP", "no media").saw(*scenarios)


async def test_passwords_and_a_call_that_is_not_answered_yet(
    tmp_path: Path, interop: Tries
) -> None:
    nobody = "http://127.0.0.1:9/"  # Nobody decides, so that it rings for some seconds.
    password, cancel = "wrong password refused and the right one taken", "CANCEL while it rings"
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_listen=LISTEN, sip_users={"alice": "secret"}) as closed,
        running_gateway(
            model.url, sip_listen=LISTEN, sip_webhook_url=nobody, sip_webhook_secret=SECRET
        ) as ringing,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(run(closed, [password], tmp_path))
        tasks.create_task(run(ringing, [cancel], tmp_path, calls=5))
    interop(await version(), "UDP", "no media").saw(password, cancel)


async def test_copies_and_silence(
    tmp_path: Path, interop: Tries, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else 32 s without an ACK, and 20 s without a sign of life.
    monkeypatch.setattr(sip_call, "TIMEOUT", 1.5)
    monkeypatch.setattr(rtp_leg, "LISTENING_TURN", 0.05)
    scenarios = (
        "the same INVITE three times is one call",
        "no ACK ends the call by BYE",
        "a phone that vanishes",
    )
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_listen=LISTEN) as gateway,
    ):
        await run(gateway, scenarios, tmp_path)
        assert len(model.lines) == len(scenarios)
    interop(await version(), "UDP", "no media").saw(*scenarios)
