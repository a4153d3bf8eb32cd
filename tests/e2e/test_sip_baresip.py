"""baresip calls over UDP, TCP and TLS, with each codec and each way of encryption: words are
recognised at both ends.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.core.ending import Ending
from gateway.local_model.asr import Recogniser, load_recogniser
from gateway.local_model.audio import to_waveform
from gateway.media.resample import resample
from gateway.sip_settings import parse_addresses
from signaling.app import Gateway
from tests.e2e.baresip import baresip, version
from tests.e2e.interop import Tries
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import PROMPTS, prompt, read_wav, silence, word_error_rate

SAID = "conf-onlyperson"

PHONES = {
    "RTP, PCMU": ("udp", ";audio_codecs=PCMU/8000/1", "g711", 1, 8_000),
    "RTP, PCMA": ("tcp", ";audio_codecs=PCMA/8000/1", "g711", 1, 8_000),
    "SDES-SRTP, G.722": ("tls", ";audio_codecs=G722/16000/1;mediaenc=srtp-mand", "g722", 1, 16_000),
    "RTP, Opus": ("udp", ";audio_codecs=opus/48000/2", "opus", 2, 48_000),
    "DTLS-SRTP and ICE, Opus": (
        *("udp", ";audio_codecs=opus/48000/2;mediaenc=dtls_srtp;medianat=ice", "opus", 2, 48_000),
    ),
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of 127.0.0.1: the certificate's file, and the key's."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


async def talk(
    media: str, gateway: Gateway, folder: Path, recogniser: Recogniser, interop: Tries
) -> None:
    """One call in which all is tried."""
    transport, account, codec, channels, rate = PHONES[media]
    speech = read_wav(prompt(SAID), rate)
    says = np.concatenate([silence(0.5, rate), speech, silence(40.0, rate)])
    sip, sessions = gateway.sip, gateway.sessions
    assert sip is not None
    assert sessions is not None
    port = next(each.port for each in sip.addresses if each.transport == transport)
    here = f"127.0.0.1:{port};transport={transport}"
    name = f"phone-{list(PHONES).index(media)}"
    async with baresip(
        folder,
        f"sip:haiku@{here}",
        says,
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
        await until(lambda: bool(sip._agent.registrar.of(name)))
        assert sip._agent.registrar.of(name)[0].flow.transport == transport
        seen.saw("registration")
        call = next(each for each in sip._lines if f"{name}@" in each.dialog.remote)
        session = sip._lines[call].session
        assert session is not None

        def said(role: str) -> list[str]:
            lines = session._conversation.transcript.lines
            return [line.keys or line.text for line in lines if line.role == role and line.complete]

        await until(lambda: bool(said("user")))
        assert word_error_rate(PROMPTS[SAID], said("user")[0]) <= 0.15, said("user")
        await until(lambda: bool(said("assistant")) and session._playout.is_empty)
        leg = session.legs.offered
        assert leg is not None
        phone.press("x")
        await until(lambda: not leg._rtp.sends)
        phone.press("X")
        await until(lambda: leg._rtp.sends)
        seen.saw("hold and resume")
        phone.press("5")
        await until(lambda: any("5" in line for line in said("user")[1:]))
        seen.saw("keys by RFC 4733")
        if list(PHONES).index(media) % 2:
            session.end(Ending.AGENT)
            await phone.says("terminated")
            seen.saw("hang-up by the agent")
        else:
            phone.press("b")
            await until(lambda: session.ended)
            await phone.says("terminated")
            seen.saw("hang-up by the phone")
        words = said("assistant")[0]
    samples, rate = phone.heard()
    speech = resample((samples * 32_767).astype(np.int16), rate, 16_000)
    heard = await asyncio.to_thread(recogniser.transcribe, to_waveform(speech))
    assert word_error_rate(words, heard.text) <= 0.15, (words, heard.text)
    seen.saw("words both ways")


@pytest.mark.timeout(90)
async def test_words_both_ways_keys_hold_and_hang_up(
    tmp_path: Path, certificate: tuple[Path, Path], interop: Tries
) -> None:
    recogniser = load_recogniser()
    turns = asyncio.Semaphore(3)
    async with running_gateway(
        None,
        sip_listen=parse_addresses(
            ",".join(f"{each}:127.0.0.1:0" for each in ("udp", "tcp", "tls"))
        ),
        sip_users={f"phone-{number}": "secret" for number in range(len(PHONES))},
        sip_tls_cert=certificate[0],
        sip_tls_key=certificate[1],
    ) as gateway:

        async def one(media: str) -> None:
            folder = tmp_path / str(list(PHONES).index(media))
            folder.mkdir()
            async with turns:
                await talk(media, gateway, folder, recogniser, interop)

        async with asyncio.TaskGroup() as tasks:
            for media in PHONES:
                tasks.create_task(one(media))
        await until(lambda: not gateway.sessions)
