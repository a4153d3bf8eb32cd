"""sipp: many calls at once on a network that loses messages."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from gateway.sip_settings import parse_addresses
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.stand_in import StandIn

CALLS = 20


async def test_twenty_calls_while_messages_are_lost(tmp_path: Path) -> None:
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
            *("-sn", "uac", f"127.0.0.1:{gateway.sip.addresses[0].port}", "-s", "agent"),
            *("-i", "127.0.0.1", "-m", str(CALLS), "-r", str(CALLS), "-d", "1500", "-lost", "10"),
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
