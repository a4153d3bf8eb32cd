"""How it is written who may come in."""

from __future__ import annotations

import pytest

from gateway.config import SettingsError, load_settings
from gateway.guard_settings import is_loopback

SECRET = "s" * 32


def test_a_secret_is_long_and_never_shown() -> None:
    settings = load_settings(auth_secret=SECRET)
    assert settings.needs_tokens
    assert SECRET not in repr(settings)
    with pytest.raises(SettingsError, match=r"^AUTH_SECRET: expected 32 bytes") as caught:
        load_settings(auth_secret="hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "issuer", ["https://issuer.example/realm", "http://127.0.0.1:8080", "http://localhost/x"]
)
def test_an_issuer(issuer: str) -> None:
    settings = load_settings(oidc_issuer=issuer)
    assert settings.oidc_issuer == issuer
    assert settings.needs_tokens


@pytest.mark.parametrize(
    "issuer",
    [
        "issuer.example",
        "http://issuer.example",
        "https://a@issuer.example",
        "https://issuer.example?x=1",
        "https://",
        "https://issuer.example:0",
    ],
)
def test_what_is_no_issuer_stops_the_start(issuer: str) -> None:
    with pytest.raises(SettingsError, match=r"^OIDC_ISSUER=.*expected an https"):
        load_settings(oidc_issuer=issuer)


def test_a_network_needs_tokens_or_that_it_is_meant() -> None:
    assert not load_settings().needs_tokens
    for host in ("0.0.0.0", "::", "voice.example"):
        with pytest.raises(SettingsError, match=r"^HOST=.*AUTH_SECRET.*ALLOW_ANONYMOUS=true"):
            load_settings(host=host)
        load_settings(host=host, auth_secret=SECRET)
        load_settings(host=host, oidc_issuer="https://issuer.example")
    load_settings(sip_listen="udp:0.0.0.0:5060", auth_secret=SECRET)


def test_proxies_and_rates() -> None:
    settings = load_settings(trusted_proxies="10.0.0.0/8, ::1", call_rate="0.5/10")
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.call_rate == (0.5, 10.0)
    for name, value in (("trusted_proxies", "proxy.example"), ("call_rate", "20")):
        with pytest.raises(SettingsError, match=f"^{name.upper()}="):
            load_settings(**{name: value})
    for value in ("x/5", "5/0", "-1/5", "1e9/5"):
        with pytest.raises(SettingsError, match=r"^REQUEST_RATE="):
            load_settings(request_rate=value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.2", True), ("::1", True), ("LOCALHOST", True), ("localhost.example", False)],
)
def test_what_stays_on_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
