"""How the webhook is set that announces phone calls to an application."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

WEBHOOK_URL: Final = "an http:// or https:// URL"
WEBHOOK_SECRET: Final = "whsec_ and 24 to 64 bytes in base64"

PREFIX: Final = "whsec_"


def webhook_key(secret: str) -> bytes:
    """What a secret of the form ``whsec_<base64>`` signs with (Standard Webhooks).

    :raises ValueError: it is not of that form.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError(f"expected {WEBHOOK_SECRET}")
    return key


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    # The port is not looked at until it is asked for.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"expected {WEBHOOK_URL}")
    return value


def _check_secret(value: SecretStr) -> SecretStr:
    webhook_key(value.get_secret_value())
    return value


WebhookUrl = Annotated[str, AfterValidator(_check_url)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_check_secret)]
