"""How the setting is written that says which Redis gateways share."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

REDIS_URL: Final = "a redis://, rediss:// or unix:// URL"


def _check_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    # The port is not looked at until it is asked for.
    if parts.scheme not in ("redis", "rediss", "unix") or parts.port == 0 or parts.fragment:
        raise ValueError(f"expected {REDIS_URL}")
    if not (parts.path.strip("/") if parts.scheme == "unix" else parts.hostname):
        raise ValueError(f"expected {REDIS_URL}")
    return value


RedisUrl = Annotated[SecretStr, AfterValidator(_check_url)]
