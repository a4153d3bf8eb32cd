"""sipp: many calls at once, on a network that loses messages, and with our offer."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from gateway.sip_settings import parse_addresses
from tests.e2e.interop import Tries
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.stand_in import StandIn

CALLS = 20
LATE_OFFER = Path(__file__).with_name("late_offer.xml")


SCENARIOS = {
    "20 calls at once while 10 % of the messages are lost": ("-sn", "uac", "-lost", "10"),
    "20 calls at once with late offer and session timer and UPDATE": ("-sf", str(LATE_OFFER)),
}


async def version(program: str) -> str:
    asked = await asyncio.create_subprocess_exec(program, "-v", stdout=asyncio.subprocess.PIPE)
    told = re.search(rb"SIPp v([\d.]+)", (await asked.communicate())[0])
    assert told is not None
    return f"sipp {told[1].decode()}"


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_twenty_calls(tmp_path: Path, scenario: str, interop: Tries) -> None:
    program = shutil.which("sipp")
    if program is None:
        pytest.skip("needs Debian's package sip-tester")
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_listen=parse_addresses("udp:127.0.0.1:0")) as gateway,
    ):
        assert gateway.sip is not None
        process = await asyncio.create_subprocess_exec(
            program,
            *(*SCENARIOS[scenario], f"127.0.0.1:{gateway.sip.addresses[0].port}", "-s", "agent"),
            *("-i", "127.0.0.1", "-m", str(CALLS), "-r", str(CALLS), "-d", "1500"),
            *("-nostdin", "-timeout", "60"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        await until(lambda: len(gateway.sessions or ()) >= CALLS // 2)
        output = (await process.communicate())[0].decode()
        assert process.returncode == 0, output[-3000:]
        done = re.findall(r"Successful call +\| +\d+ +\| +(\d+)", output)
        assert done[-1] == str(CALLS)
        await until(lambda: not gateway.sessions)
        assert len(model.lines) == CALLS, "a call is one call, however often its INVITE comes"
        interop(await version(program), "UDP", "no media").saw(scenario)
