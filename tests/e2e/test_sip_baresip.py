"""baresip calls over UDP, TCP and TLS, with each codec and each way of encryption: words are
recognised at both ends.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from gateway.core.ending import Ending
from gateway.local_model.asr import Recogniser, load_recogniser
from gateway.media.resample import resample
from signaling.app import Gateway
from tests.e2e.baresip import baresip, version
from tests.e2e.interop import Tries
from tests.e2e.phone_call import (
    PhoneCall,
    assert_heard,
    host_of,
    open_gateway,
    registered,
    says,
)
from tests.signaling.callers import until

PHONES = {
    "RTP, PCMU": ("udp", ";audio_codecs=PCMU/8000/1", "g711", 1, 8_000),
    "RTP, PCMA": ("tcp", ";audio_codecs=PCMA/8000/1", "g711", 1, 8_000),
    "SDES-SRTP, G.722": ("tls", ";audio_codecs=G722/16000/1;mediaenc=srtp-mand", "g722", 1, 16_000),
    "RTP, Opus": ("udp", ";audio_codecs=opus/48000/2", "opus", 2, 48_000),
    "DTLS-SRTP and ICE, Opus": (
        *("udp", ";audio_codecs=opus/48000/2;mediaenc=dtls_srtp;medianat=ice", "opus", 2, 48_000),
    ),
}


async def talk(
    media: str, gateway: Gateway, folder: Path, recogniser: Recogniser, interop: Tries
) -> None:
    """One call in which all is tried."""
    transport, account, codec, channels, rate = PHONES[media]
    here = host_of(gateway, transport)
    name = f"phone-{list(PHONES).index(media)}"
    async with baresip(
        folder,
        f"sip:haiku@{here}",
        says(rate),
        rate,
        name=name,
        registrar=f"sip:{here}",
        account=f"{account};auth_user={name};auth_pass=secret",
        codec=codec,
        channels=channels,
    ) as phone:
        await phone.says("Call established")
        seen = interop(await version(), transport.upper(), media)
        seen.saw("digest")
        await registered(gateway, name, transport)
        seen.saw("registration")
        call = PhoneCall(gateway, name)
        words = await call.is_answered()
        phone.press("x")
        await call.is_held(True)
        phone.press("X")
        await call.is_held(False)
        seen.saw("hold and resume")
        phone.press("5")
        await call.gets("5")
        seen.saw("keys by RFC 4733")
        if list(PHONES).index(media) % 2:
            call.session.end(Ending.AGENT)
            await phone.says("terminated")
            seen.saw("hang-up by the agent")
        else:
            phone.press("b")
            await until(lambda: call.session.ended)
            await phone.says("terminated")
            seen.saw("hang-up by the phone")
    samples, rate = phone.heard()
    sound = resample((samples * 32_767).astype(np.int16), rate, 16_000)
    await assert_heard(recogniser, sound, words)
    seen.saw("words both ways")


@pytest.mark.timeout(90)
async def test_words_both_ways_keys_hold_and_hang_up(
    tmp_path: Path, certificate: tuple[Path, Path], interop: Tries
) -> None:
    recogniser = load_recogniser()
    turns = asyncio.Semaphore(3)
    async with open_gateway(PHONES, certificate) as gateway:

        async def one(media: str) -> None:
            folder = tmp_path / str(list(PHONES).index(media))
            folder.mkdir()
            async with turns:
                await talk(media, gateway, folder, recogniser, interop)

        async with asyncio.TaskGroup() as tasks:
            for media in PHONES:
                tasks.create_task(one(media))
