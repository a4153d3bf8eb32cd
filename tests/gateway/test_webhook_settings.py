"""Where webhooks go, and what they are signed with."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gateway.config import SettingsError, load_settings
from gateway.webhook_settings import webhook_key

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
URL = "http://127.0.0.1:9/hook?token=private"


@pytest.fixture(autouse=True)
def _no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_secret_is_base64() -> None:
    assert webhook_key(SECRET) == KEY
    settings = load_settings(None, sip_webhook_url=URL, sip_webhook_secret=SECRET)
    assert settings.sip_webhook_url == URL
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "secret", ["whsec_", "whsec_AAAA", SECRET[6:], SECRET[:-1], f"{SECRET}!", "whsec_é" * 9]
)
def test_what_is_no_secret_is_told_and_not_shown(secret: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, sip_webhook_url=URL, sip_webhook_secret=secret)
    assert str(caught.value) == "SIP_WEBHOOK_SECRET: expected whsec_ and 24 to 64 bytes in base64"


@pytest.mark.parametrize("url", ["ftp://host/private", "http://", "private", "http://host:0/"])
def test_what_is_no_address_is_told_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^SIP_WEBHOOK_URL: expected an http") as caught:
        load_settings(None, sip_webhook_url=url, sip_webhook_secret=SECRET)
    assert "private" not in str(caught.value)


def test_an_address_needs_a_secret() -> None:
    with pytest.raises(SettingsError, match=r"^SIP_WEBHOOK_URL needs SIP_WEBHOOK_SECRET: whsec_"):
        load_settings(None, sip_webhook_url=URL)
