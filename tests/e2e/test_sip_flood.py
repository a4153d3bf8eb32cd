"""One address floods; the calls of another get through.

`TALKPATH_FLOOD_SECONDS=30` for longer than the suite has time for.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from gateway.sip_settings import parse_addresses
from tests.e2e.sipp import sipp
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.signaling.sip.phone import Phone
from tests.stand_in import StandIn

SECONDS = float(os.environ.get("TALKPATH_FLOOD_SECONDS", "3"))
PER_SECOND = 200
CALLS = max(5, round(2 * SECONDS))


class Flood(asyncio.DatagramProtocol):
    """Calls again and again, and never says ACK."""

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.codes[data.split(b" ", 2)[1].decode()] += 1

    async def run(self, port: int, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.2", 0), remote_addr=("127.0.0.1", port)
        )
        begin = loop.time()
        try:
            for number in range(round(PER_SECOND * seconds)):
                transport.sendto(Phone().invite())
                await asyncio.sleep(begin + number / PER_SECOND - loop.time())
        finally:
            transport.close()


@pytest.mark.timeout(120 + 2 * SECONDS)
async def test_calls_of_another_address_get_through(tmp_path: Path) -> None:
    flood = Flood()
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_listen=parse_addresses("udp:127.0.0.1:0")) as gateway,
    ):
        assert gateway.sip is not None
        port = gateway.sip.addresses[0].port
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood.run(port, SECONDS))
            await until(lambda: flood.codes["503"] > 0)
            async with sipp(
                tmp_path,
                *(f"127.0.0.1:{port}", "-s", "agent", "-sn", "uac"),
                *("-d", 300, "-r", 2, "-m", CALLS),
                seconds=60,
            ) as phones:
                output = await phones.succeeds()
        assert re.findall(r"Successful call +\| +\d+ +\| +(\d+)", output)[-1] == str(CALLS)
