"""How the settings are written that say who may come in, and how often."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

MIN_SECRET: Final = 32
"""Bytes of ``AUTH_SECRET``: as long as what HS256 makes of it (RFC 7518 §3.2)."""

AUTH_SECRET: Final = f"{MIN_SECRET} bytes or more, best random ones"
OIDC_ISSUER: Final = "an https:// URL, or one of this machine"
PROXIES: Final = "IP addresses and networks (10.0.0.0/8) separated by commas"
RATE: Final = "a rate and a burst such as 20/100"

_RATE: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/([1-9][0-9]{0,6})")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _check_secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().encode()) < MIN_SECRET:
        raise ValueError(f"expected {AUTH_SECRET}")
    return value


def is_loopback(host: str) -> bool:
    """Whether what is bound to ``host`` stays on this machine; of names only localhost does."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _check_issuer(value: str) -> str:
    parts = urlsplit(value)
    if parts.query or parts.fragment or "@" in parts.netloc or parts.port == 0:
        raise ValueError(f"expected {OIDC_ISSUER}")
    host = parts.hostname or ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise ValueError(f"expected {OIDC_ISSUER}")
    return value


def _parse_networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",") if item.strip()]
    try:
        return tuple(ipaddress.ip_network(item, strict=False) for item in items)
    except ValueError:
        raise ValueError(f"expected {PROXIES}") from None


def _parse_rate(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _RATE.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"expected {RATE}")
    return float(found[1]), float(found[2])


Rate = Annotated[tuple[float, float], NoDecode, BeforeValidator(_parse_rate)]
"""Tokens a second, and at once."""


class GuardSettings(BaseSettings):
    """A part of the gateway's settings."""

    auth_secret: Annotated[SecretStr, AfterValidator(_check_secret)] | None = Field(
        default=None, description=AUTH_SECRET
    )
    oidc_issuer: Annotated[str, AfterValidator(_check_issuer)] | None = Field(
        default=None, description=OIDC_ISSUER
    )
    oidc_audience: str | None = Field(default=None, min_length=1, description="a name")
    allow_anonymous: bool = Field(default=False, description="true or false")
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_parse_networks)] = (
        Field(default=(), description=PROXIES)
    )
    call_rate: Rate = Field(default=(20.0, 400.0), description=RATE)
    request_rate: Rate = Field(default=(100.0, 2000.0), description=RATE)

    @property
    def needs_tokens(self) -> bool:
        """Whether the doors are shut to whoever shows none."""
        return self.auth_secret is not None or self.oidc_issuer is not None
