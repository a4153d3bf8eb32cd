"""Certificates that are renewed under a gateway, with real handshakes."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from gateway.config import SettingsError
from signaling.app import Gateway
from signaling.tls import CertificateError, ServerCertificate
from tests.certificates import self_signed
from tests.gateways import running_gateway
from tests.signaling.callers import until

NOBODY = "ws://127.0.0.1:9"


@pytest.fixture
def pairs(tmp_path: Path) -> list[tuple[Path, Path]]:
    """Two certificates of 127.0.0.1 with their keys."""
    folders = tmp_path / "old", tmp_path / "new"
    for folder in folders:
        folder.mkdir()
    return [self_signed(folder) for folder in folders]


def put(path: Path, content: bytes) -> None:
    """At once, so that what is seen meanwhile is what was written."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


async def trusts(gateway: Gateway, authority: Path) -> bool:
    """Whether a client that trusts one certificate alone, and names no server, gets through."""
    trusting = ssl.create_default_context(cafile=str(authority))
    async with aiohttp.ClientSession() as http:
        try:
            async with http.get(f"{gateway.url}/health", ssl=trusting) as answer:
                return answer.status == 200
        except aiohttp.ClientConnectorCertificateError:
            return False


async def test_a_renewed_certificate_is_taken_up_when_it_is_whole(
    pairs: list[tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.tls.CHECK_INTERVAL", 0.02)
    (old, old_key), (new, new_key) = pairs
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    shutil.copy(old, chain)
    shutil.copy(old_key, key)
    with capture_logs() as logs:
        async with (
            running_gateway(NOBODY, tls_cert=chain, tls_key=key) as gateway,
            aiohttp.ClientSession() as http,
        ):
            assert gateway.url.startswith("https://127.0.0.1:")
            open_before = ssl.create_default_context(cafile=str(old))
            async with http.ws_connect(
                f"{gateway.url}/sip", protocols=["sip"], ssl=open_before
            ) as kept:
                assert await trusts(gateway, old)
                assert not await trusts(gateway, new)

                def told(event: str) -> list[str]:
                    return [str(line.get("reason")) for line in logs if line["event"] == event]

                put(chain, new.read_bytes()[:300])
                await until(lambda: len(told("certificate kept")) == 1)
                put(chain, new.read_bytes())
                await until(lambda: len(told("certificate kept")) == 2)
                chain.unlink()
                await until(lambda: len(told("certificate kept")) == 3)
                assert await trusts(gateway, old)

                put(chain, new.read_bytes())
                put(key, new_key.read_bytes())
                await until(lambda: bool(told("certificate renewed")))
                assert await trusts(gateway, new)
                assert not await trusts(gateway, old)
                assert gateway.sip is not None
                (flow,) = gateway.sip._websockets._flows
                assert flow.transport == "wss"
                await kept.send_str("\r\n\r\n")
                assert await kept.receive_str() == "\r\n"
    assert told("certificate kept")[:3] == [
        "expected a certificate and a key without a password, in PEM",
        "the key is not the certificate's",
        "no such file or directory",
    ]


def test_what_cannot_be_used(pairs: list[tuple[Path, Path]], tmp_path: Path) -> None:
    (chain, key), (_, other) = pairs
    locked = tmp_path / "locked.pem"
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    both = tmp_path / "both.pem"
    both.write_bytes(chain.read_bytes() + key.read_bytes())
    assert ServerCertificate(both, None).context.cert_store_stats()["x509"] == 0
    for unusable in ((chain, locked), (chain, None), (locked, None)):
        with pytest.raises(CertificateError, match="without a password"):
            ServerCertificate(*unusable)
    with pytest.raises(CertificateError, match="the key is not the certificate's"):
        ServerCertificate(chain, other)
    with pytest.raises(CertificateError, match="no such file"):
        ServerCertificate(chain, tmp_path / "none")


async def test_settings_that_are_wrong_stop_the_start(pairs: list[tuple[Path, Path]]) -> None:
    (chain, key), (_, other) = pairs
    for settings, expected in (
        ({"tls_cert": chain, "tls_key": other}, "^TLS_CERT, TLS_KEY: the key is not"),
        ({"tls_key": key}, "^TLS_KEY is there: TLS_CERT is missing$"),
    ):
        with pytest.raises(SettingsError, match=expected):
            async with running_gateway(NOBODY, **settings):
                pass
