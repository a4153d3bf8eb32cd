"""baresip calls over UDP, TCP and TLS, with each codec that phones speak."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.sip_settings import parse_addresses
from tests.client.tones import tone
from tests.e2e.baresip import baresip, version
from tests.e2e.interop import Tries
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import prompt, read_wav, silence
from tests.stand_in import StandIn

RATE = 24_000

PHONES = {
    "RTP, PCMU": ("udp", ";audio_codecs=PCMU/8000/1", "g711", 1, 8_000),
    "RTP, PCMA": ("tcp", ";audio_codecs=PCMA/8000/1", "g711", 1, 8_000),
    "SDES-SRTP, G.722": ("tls", ";audio_codecs=G722/16000/1;mediaenc=srtp-mand", "g722", 1, 16_000),
    "RTP, Opus": ("udp", ";audio_codecs=opus/48000/2", "opus", 2, 48_000),
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


def level(samples: npt.NDArray[np.float64], rate: int, frequency: float) -> float:
    """The amplitude of a tone in the second in which it is loudest."""
    best = 0.0
    wave = np.exp(-2j * np.pi * frequency * np.arange(rate // 2) / rate)
    for start in range(0, len(samples) - rate // 2, rate // 4):
        best = max(best, 4 / rate * abs(np.dot(samples[start : start + rate // 2], wave)))
    return best


@pytest.mark.parametrize("media", PHONES)
async def test_both_hear_each_other(
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
    ):
        assert gateway.sip is not None
        registrar = gateway.sip._agent.registrar
        port = gateway.sip.addresses[0].port
        here = f"127.0.0.1:{port};transport={transport}"
        account += ";auth_user=alice;auth_pass=secret"
        async with baresip(
            tmp_path,
            f"sip:agent@{here}",
            says,
            rate,
            registrar=f"sip:{here}",
            account=account,
            codec=codec,
            channels=channels,
        ) as phone:
            await phone.says("Call established")
            seen = interop(await version(), transport.upper(), media)
            await until(lambda: bool(registrar.of("alice")))
            assert registrar.of("alice")[0].flow.transport == transport
            seen.saw("registration", "digest")
            line = await model.line()
            await line.wait_for_audio(round(RATE * (0.5 + len(speech) / rate)))
            heard = np.frombuffer(bytes(line.audio), "<i2") / 32_768
            assert np.sqrt(np.mean(heard**2)) > 0.02, "the caller's speech arrives"
            await line.answer("A tone.", tone(1.5, RATE))
            phone.press("5")
            assert "5" in str(await line.wait_for("conversation.item.create"))
            seen.saw("keys by RFC 4733")
            phone.press("b")
            await until(lambda: not gateway.sessions)
            await phone.says("terminated")
            seen.saw("hang-up by the phone")
        assert level(*phone.heard(), 400.0) > 0.1
        seen.saw("audio both ways")
