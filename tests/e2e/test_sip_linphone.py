"""Linphone calls and is called: words are recognised at both ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from gateway.core.ending import Ending
from gateway.local_model.asr import Recogniser, load_recogniser
from signaling.app import Gateway
from tests.calling_model import CallingModel
from tests.client.tones import tone
from tests.e2e.interop import Tries
from tests.e2e.linphone import linphone, version
from tests.e2e.phone_call import (
    DESK,
    LISTEN,
    PhoneCall,
    assert_heard,
    host_of,
    is_passed_on,
    open_gateway,
    registered,
    says,
)
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import read_wav, silence

RATE = 16_000

PHONES = {
    "RTP, Opus": ("udp", "opus", "none"),
    "RTP, PCMU": ("tcp", "PCMU", "none"),
    "SDES-SRTP, G.722": ("tls", "G722", "srtp"),
}
CALLED = "SDES-SRTP, G.722"


async def talk(
    media: str, gateway: Gateway, folder: Path, recogniser: Recogniser, interop: Tries
) -> None:
    """One call in which all is tried."""
    transport, codec, encryption = PHONES[media]
    here = host_of(gateway, transport)
    name = f"phone-{list(PHONES).index(media)}"
    async with linphone(
        *(folder, here, says(RATE), RATE),
        name=name,
        password="secret",
        codec=codec,
        encryption=encryption,
    ) as phone:
        seen = interop(await version(), transport.upper(), media)
        await registered(gateway, name, transport)
        seen.saw("digest", "registration")
        recording = phone.records()
        if media == CALLED:
            asked = {"to": name, "agentSet": "haiku"}
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"{gateway.url}/api/calls", json=asked) as response,
            ):
                assert response.status == 201
        else:
            phone.type(f"call sip:haiku@{here}")
        await phone.says("Media streams established")
        if media == CALLED:
            seen.saw("called by the gateway")
        call = PhoneCall(gateway, name)
        words = await call.is_answered()
        phone.type("pause")
        await call.is_held(True)
        await phone.says("is now paused")
        phone.records()
        phone.type("resume")
        await call.is_held(False)
        await phone.says("Media streams established")
        seen.saw("hold and resume")
        phone.type("5")
        await call.gets("5")
        seen.saw("keys by RFC 4733")
        if transport == "udp":
            phone.type("terminate")
            await until(lambda: call.session.ended)
            seen.saw("hang-up by the phone")
        else:
            call.session.end(Ending.AGENT)
            seen.saw("hang-up by the agent")
        await phone.says("ended (No error)")
    await assert_heard(recogniser, read_wav(recording, RATE), words)
    seen.saw("words both ways")


@pytest.mark.timeout(90)
async def test_words_both_ways_keys_hold_and_hang_up(
    tmp_path: Path, certificate: tuple[Path, Path], interop: Tries
) -> None:
    recogniser = load_recogniser()
    async with open_gateway(PHONES, certificate) as gateway, asyncio.TaskGroup() as tasks:
        for media in PHONES:
            folder = tmp_path / str(list(PHONES).index(media))
            folder.mkdir()
            tasks.create_task(talk(media, gateway, folder, recogniser, interop))


async def test_linphone_is_passed_on_and_stays_where_nobody_takes_it(
    tmp_path: Path, interop: Tries
) -> None:
    async with (
        CallingModel() as model,
        running_gateway(model.url, sip_listen=LISTEN, agent_set=DESK) as gateway,
    ):
        here = host_of(gateway, "udp")
        tones = np.concatenate([tone(1.0, RATE), silence(20.0, RATE)])
        async with linphone(tmp_path, here, tones, RATE, name="alice", password="") as phone:
            phone.type(f"call sip:agent@{here}")
            await phone.says("Media streams established")
            session = await is_passed_on(gateway, model, here)
            assert session.end_reason == "the caller was passed on"
        await until(lambda: not gateway.sessions)
    interop(await version(), "UDP", "RTP, Opus").saw(
        "passed on by REFER and NOTIFY", "refusal by the target"
    )
