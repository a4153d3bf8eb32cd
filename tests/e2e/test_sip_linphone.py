"""Linphone calls and is called: words are recognised at both ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from gateway.core.ending import Ending
from gateway.local_model.asr import Recogniser, load_recogniser
from gateway.local_model.audio import to_waveform
from gateway.session import Session
from gateway.sip_settings import parse_addresses
from signaling.app import Gateway
from tests.calling_model import CallingModel
from tests.client.tones import tone
from tests.e2e.interop import Tries
from tests.e2e.linphone import linphone, version
from tests.e2e.test_sip_baresip import certificate
from tests.e2e.test_sip_transfer import DESK, LISTEN
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import PROMPTS, prompt, read_wav, silence, word_error_rate

__all__ = ["certificate"]

SAID = "conf-onlyperson"
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
    speech = read_wav(prompt(SAID), RATE)
    says = np.concatenate([silence(0.5, RATE), speech, silence(40.0, RATE)])
    sip = gateway.sip
    assert sip is not None
    port = next(each.port for each in sip.addresses if each.transport == transport)
    here = f"127.0.0.1:{port};transport={transport}"
    name = f"phone-{list(PHONES).index(media)}"

    def session() -> Session:
        (call,) = (each for each in sip._lines if f"{name}@" in each.dialog.remote)
        found = sip._lines[call].session
        assert found is not None
        return found

    async with linphone(
        *(folder, here, says, RATE),
        name=name,
        password="secret",
        codec=codec,
        encryption=encryption,
    ) as phone:
        seen = interop(await version(), transport.upper(), media)
        await until(lambda: bool(sip._agent.registrar.of(name)))
        assert sip._agent.registrar.of(name)[0].flow.transport == transport
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
        call = session()

        def said(role: str) -> list[str]:
            lines = call._conversation.transcript.lines
            return [line.keys or line.text for line in lines if line.role == role and line.complete]

        await until(lambda: bool(said("user")))
        assert word_error_rate(PROMPTS[SAID], said("user")[0]) <= 0.15, said("user")
        await until(lambda: bool(said("assistant")) and call._playout.is_empty)
        words = said("assistant")[0]
        leg = call.legs.offered
        assert leg is not None
        phone.type("pause")
        await until(lambda: not leg._rtp.sends)
        await phone.says("is now paused")
        phone.records()
        phone.type("resume")
        await until(lambda: leg._rtp.sends)
        await phone.says("Media streams established")
        seen.saw("hold and resume")
        phone.type("5")
        await until(lambda: any("5" in line for line in said("user")[1:]))
        seen.saw("keys by RFC 4733")
        if transport == "udp":
            phone.type("terminate")
            await until(lambda: call.ended)
            seen.saw("hang-up by the phone")
        else:
            call.end(Ending.AGENT)
            seen.saw("hang-up by the agent")
        await phone.says("ended (No error)")
    heard = await asyncio.to_thread(recogniser.transcribe, to_waveform(read_wav(recording, RATE)))
    assert word_error_rate(words, heard.text) <= 0.15, (words, heard.text)
    seen.saw("words both ways")


@pytest.mark.timeout(90)
async def test_words_both_ways_keys_hold_and_hang_up(
    tmp_path: Path, certificate: tuple[Path, Path], interop: Tries
) -> None:
    recogniser = load_recogniser()
    async with running_gateway(
        None,
        sip_listen=parse_addresses(
            ",".join(f"{each}:127.0.0.1:0" for each in ("udp", "tcp", "tls"))
        ),
        sip_users={f"phone-{number}": "secret" for number in range(len(PHONES))},
        sip_tls_cert=certificate[0],
        sip_tls_key=certificate[1],
    ) as gateway:
        async with asyncio.TaskGroup() as tasks:
            for media in PHONES:
                folder = tmp_path / str(list(PHONES).index(media))
                folder.mkdir()
                tasks.create_task(talk(media, gateway, folder, recogniser, interop))
        await until(lambda: not gateway.sessions)


async def test_linphone_is_passed_on_and_stays_where_nobody_takes_it(
    tmp_path: Path, interop: Tries
) -> None:
    async with (
        CallingModel() as model,
        running_gateway(model.url, sip_listen=LISTEN, agent_set=DESK) as gateway,
    ):
        assert gateway.sip is not None
        here = f"127.0.0.1:{gateway.sip.addresses[0].port}"
        says = np.concatenate([tone(1.0, RATE), silence(20.0, RATE)])
        async with linphone(tmp_path, here, says, RATE, name="alice", password="") as phone:
            phone.type(f"call sip:agent@{here}")
            await phone.says("Media streams established")
            line = await model.calling_line()
            await line.wait_for_audio(12_000)
            (call_id,) = await line.call_tools(("transfer_call", {"target": f"nobody@{here}"}))
            await line.wait_for("response.create")
            error = "the other side answers 404 Not Found"
            assert line.outputs() == [(call_id, json.dumps({"error": error}))]
            assert gateway.sessions is not None
            (session,) = gateway.sessions._live.values()
            assert not session.ended
            await line.call_tools(("transfer_call", {"target": f"sip:haiku@{here}"}))
            await until(lambda: session.ended)
            assert session.end_reason == "the caller was passed on"
            other = await model.line(1)
            await other.wait_for_audio(12_000)
        await until(lambda: not gateway.sessions)
    interop(await version(), "UDP", "RTP, Opus").saw(
        "passed on by REFER and NOTIFY", "refusal by the target"
    )
