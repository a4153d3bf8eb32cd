"""Callers who are passed on, and keys that agents press: baresip, and sipp as a simple phone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.calling_model import CallingModel
from tests.client.tones import tone
from tests.e2e.baresip import baresip, version
from tests.e2e.interop import Tries
from tests.e2e.phone_call import DESK, LISTEN, is_passed_on
from tests.e2e.sipp import sipp
from tests.e2e.sipp import version as version_of
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import silence

RATE = 8_000
SIMPLE_PHONE = Path(__file__).with_name("simple_phone.xml")


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
            session = await is_passed_on(gateway, model, host)
            assert session.end_reason == "the caller was passed on"
            phone.press("b")
            await until(lambda: not gateway.sessions)
            interop(await version(), "UDP", "RTP, PCMU").saw(
                "passed on by REFER and NOTIFY", "refusal by the target"
            )


async def test_a_simple_phone_gets_its_keys_by_info_and_stays(
    tmp_path: Path, interop: Tries
) -> None:
    async with (
        CallingModel() as model,
        running_gateway(model.url, sip_listen=LISTEN, agent_set=DESK) as gateway,
    ):
        assert gateway.sip is not None
        host = f"127.0.0.1:{gateway.sip.addresses[0].port}"
        async with sipp(tmp_path, "-sf", SIMPLE_PHONE, host, "-s", "agent", "-m", 1) as phone:
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
            await phone.succeeds()
        await until(lambda: session.ended)
        interop(await version_of(), "UDP", "no media").saw(
            "keys of the agent by INFO", "REFER refused with 405"
        )
