"""Callers who are passed on, and keys that agents press: baresip, and sipp as a simple phone."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gateway.sip_settings import parse_addresses
from tests.calling_model import CallingModel
from tests.client.tones import tone
from tests.e2e.baresip import baresip, version
from tests.e2e.interop import Tries
from tests.e2e.test_sip_sipp import version as version_of
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import silence

RATE = 8_000
DESK = str(Path(__file__).with_name("transferring_desk.py"))
SIMPLE_PHONE = Path(__file__).with_name("simple_phone.xml")
LISTEN = parse_addresses("udp:127.0.0.1:0")


async def test_baresip_is_passed_on_and_stays_where_nobody_takes_it(
    tmp_path: Path, interop: Tries
) -> None:
    """The gateway's own agents are whom it is passed on to."""
    async with (
        CallingModel() as model,
        running_gateway(model.url, sip_listen=LISTEN, agent_set=DESK) as gateway,
    ):
        assert gateway.sip is not None
        host = f"127.0.0.1:{gateway.sip.addresses[0].port}"
        says = np.concatenate([tone(1.0, RATE), silence(20.0, RATE)])
        account = ";audio_codecs=PCMU/8000/1"
        async with baresip(tmp_path, f"sip:agent@{host}", says, RATE, account=account) as phone:
            await phone.says("Call established")
            line = await model.calling_line()
            await line.wait_for_audio(12_000)
            (call_id,) = await line.call_tools(("transfer_call", {"target": f"nobody@{host}"}))
            await line.wait_for("response.create")
            error = "the other side answers 404 Not Found"
            assert line.outputs() == [(call_id, json.dumps({"error": error}))]
            assert gateway.sessions is not None
            (session,) = gateway.sessions._live.values()
            assert not session.ended
            await line.call_tools(("transfer_call", {"target": f"sip:haiku@{host}"}))
            await until(lambda: session.ended)
            assert session.end_reason == "the caller was passed on"
            other = await model.line(1)
            await other.wait_for_audio(12_000)
            phone.press("b")
            await until(lambda: not gateway.sessions)
            interop(await version(), "UDP", "RTP, PCMU").saw(
                "passed on by REFER and NOTIFY", "refusal by the target"
            )


async def test_a_simple_phone_gets_its_keys_by_info_and_stays(
    tmp_path: Path, interop: Tries
) -> None:
    program = shutil.which("sipp")
    if program is None:
        pytest.skip("needs Debian's package sip-tester")
    async with (
        CallingModel() as model,
        running_gateway(model.url, sip_listen=LISTEN, agent_set=DESK) as gateway,
    ):
        assert gateway.sip is not None
        process = await asyncio.create_subprocess_exec(
            program,
            *("-sf", SIMPLE_PHONE, f"127.0.0.1:{gateway.sip.addresses[0].port}", "-s", "agent"),
            *("-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "30"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        line = await model.calling_line()
        await line.wait_for("session.update")
        await line.call_tools(("send_dtmf", {"keys": "4#"}))
        await line.wait_for("response.create")
        await line.call_tools(("transfer_call", {"target": "+12065550100"}))
        await line.wait_for("response.create", count=2)
        keys, transfer = [text for _, text in line.outputs()]
        assert keys == "The keys were pressed."
        error = "the caller's phone refuses: 405 Method Not Allowed"
        assert json.loads(transfer) == {"error": error}
        assert gateway.sessions is not None
        (session,) = gateway.sessions._live.values()
        await line.call_tools(("hang_up", {"reason": "done"}), words="Goodbye.")
        output = (await process.communicate())[0].decode()
        assert process.returncode == 0, output[-3000:]
        await until(lambda: session.ended)
        interop(await version_of(program), "UDP", "no media").saw(
            "keys of the agent by INFO", "REFER refused with 405"
        )
