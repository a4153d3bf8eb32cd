"""The gateway calls: baresip, which answers by itself, and sipp, which does as it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from gateway.sip_settings import parse_addresses
from tests.client.tones import tone
from tests.e2e.baresip import baresip, version
from tests.e2e.interop import Tries
from tests.e2e.sipp import version as version_of
from tests.e2e.sipp_callee import SCENARIOS, called
from tests.e2e.test_sip_baresip import PHONES
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import prompt, read_wav, silence
from tests.stand_in import StandIn

RATE = 24_000


def level(samples: npt.NDArray[np.float64], rate: int, frequency: float) -> float:
    """The amplitude of a tone in the half second in which it is loudest."""
    best = 0.0
    wave = np.exp(-2j * np.pi * frequency * np.arange(rate // 2) / rate)
    for start in range(0, len(samples) - rate // 2, rate // 4):
        best = max(best, 4 / rate * abs(np.dot(samples[start : start + rate // 2], wave)))
    return best


@pytest.mark.parametrize("media", ["RTP, PCMU", "SDES-SRTP, G.722"])
async def test_baresip_is_called_and_both_hear_each_other(
    media: str, tmp_path: Path, certificate: tuple[Path, Path], interop: Tries
) -> None:
    transport, account, codec, channels, rate = PHONES[media]
    speech = read_wav(prompt("conf-onlyperson"), rate)
    says = np.concatenate([silence(0.5, rate), speech, silence(20.0, rate)])
    async with (
        StandIn() as model,
        running_gateway(
            model.url,
            sip_listen=parse_addresses(f"{transport}:127.0.0.1:0"),
            sip_users={"alice": "secret"},
            sip_tls_cert=certificate[0],
            sip_tls_key=certificate[1],
        ) as gateway,
        aiohttp.ClientSession() as http,
    ):
        assert gateway.sip is not None
        registrar = gateway.sip._agent.registrar
        port = gateway.sip.addresses[0].port
        async with baresip(
            tmp_path,
            "",
            says,
            rate,
            registrar=f"sip:127.0.0.1:{port};transport={transport}",
            account=f"{account};auth_user=alice;auth_pass=secret;answermode=auto",
            codec=codec,
            channels=channels,
        ) as phone:
            await until(lambda: bool(registrar.of("alice")))
            async with http.post(f"{gateway.url}/api/calls", json={"to": "alice"}) as response:
                url = f"{gateway.url}{response.headers['Location']}"
            await phone.says("Call established")
            line = await model.line()
            await line.wait_for_audio(round(RATE * (0.5 + len(speech) / rate)))
            heard = np.frombuffer(bytes(line.audio), "<i2") / 32_768
            assert np.sqrt(np.mean(heard**2)) > 0.02, "the phone is heard"
            await line.answer("A tone.", tone(1.5, RATE))
            phone.press("5")
            assert "5" in str(await line.wait_for("conversation.item.create"))
            async with http.delete(url) as response:
                assert (await response.json())["state"] == "ended"
            await phone.says("terminated")
            await until(lambda: not gateway.sessions)
        assert level(*phone.heard(), 400.0) > 0.1
        interop(await version(), transport.upper(), media).saw("called by the gateway")


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_sipp_is_called(scenario: str, tmp_path: Path, interop: Tries) -> None:
    async with (
        StandIn() as model,
        running_gateway(model.url, sip_listen=parse_addresses("udp:127.0.0.1:0")) as gateway,
        aiohttp.ClientSession() as http,
        called(gateway, "bob", scenario, tmp_path) as phone,
    ):
        async with http.post(f"{gateway.url}/api/calls", json={"to": "bob"}) as response:
            url = f"{gateway.url}{response.headers['Location']}"

        async def until_state(wanted: str) -> dict[str, object]:
            while True:
                async with http.get(url) as response:
                    shown: dict[str, object] = await response.json()
                if shown["state"] in (wanted, "ended"):
                    assert shown["state"] == wanted, shown
                    return shown
                await asyncio.sleep(0.05)  # Whoever asks more often is answered 429.

        async with asyncio.timeout(15.0):
            if scenario == "busy":
                shown = await until_state("ended")
                assert (shown["sipCode"], shown["reason"]) == (486, "busy here")
            else:
                await until_state("ringing" if scenario == "never answers" else "established")
                async with http.delete(url):
                    pass
            await phone.succeeds()
        await until(lambda: not gateway.sessions)
        interop(await version_of(), "UDP", "no media").saw(f"called: {scenario}")
