"""sipp: many calls at once, on a network that loses messages, and with our offer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.sip_settings import parse_addresses
from tests.e2e.interop import Tries
from tests.e2e.sipp import sipp, version
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.stand_in import StandIn

CALLS = 20
LATE_OFFER = Path(__file__).with_name("late_offer.xml")


SCENARIOS = {
    "20 calls at once while 10 % of the messages are lost": ("-sn", "uac", "-lost", "10"),
    "20 calls at once with late offer and session timer and UPDATE": ("-sf", str(LATE_OFFER)),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_twenty_calls(tmp_path: Path, scenario: str, interop: Tries) -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_listen=parse_addresses("udp:127.0.0.1:0")) as gateway,
    ):
        assert gateway.sip is not None
        async with sipp(
            tmp_path,
            *(*SCENARIOS[scenario], f"127.0.0.1:{gateway.sip.addresses[0].port}", "-s", "agent"),
            *("-m", CALLS, "-r", CALLS, "-d", 1500),
            seconds=60,
        ) as phones:
            await until(lambda: len(gateway.sessions or ()) >= CALLS // 2)
            output = await phones.succeeds()
        done = re.findall(r"Successful call +\| +\d+ +\| +(\d+)", output)
        assert done[-1] == str(CALLS)
        await until(lambda: not gateway.sessions)
        assert len(model.lines) == CALLS, "a call is one call, however often its INVITE comes"
        interop(await version(), "UDP", "no media").saw(scenario)
