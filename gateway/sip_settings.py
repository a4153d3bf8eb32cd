"""How the settings of SIP are written: addresses to listen on, and accounts."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, Literal, NamedTuple, cast

from pydantic import SecretStr

Transport = Literal["udp", "tcp", "tls"]

_ADDRESS: Final = re.compile(r"(udp|tcp|tls):(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})")
# What a user name of a SIP URI may be without escapes (RFC 3261 §25.1).
_USER: Final = re.compile(r"([\w.!~*'()&=+$;?/-]+):(.+)", re.ASCII)


class SipAddress(NamedTuple):
    """One address of ``SIP_LISTEN``."""

    transport: Transport
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


def parse_addresses(value: object) -> object:
    """``udp:127.0.0.1:5060,tls:[::1]:5061``

    :raises ValueError: it is not of that form.
    """
    return tuple(map(_address, _items(value))) if isinstance(value, str) else value


def _address(item: str) -> SipAddress:
    found = _ADDRESS.fullmatch(item.lower())
    if found is None or int(found[3]) > 65_535:
        raise ValueError("expected addresses such as udp:127.0.0.1:5060, separated by commas")
    return SipAddress(cast(Transport, found[1]), found[2].strip("[]"), int(found[3]))


def parse_users(value: object) -> object:
    """``alice:secret,bob:other``; a password has no comma.

    :raises ValueError: it is not of that form.
    """
    if not isinstance(value, str):
        return value
    users: dict[str, SecretStr] = {}
    for item in _items(value):
        found = _USER.fullmatch(item)
        if found is None:
            raise ValueError("expected user:password, separated by commas")
        users[found[1]] = SecretStr(found[2])
    return users


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
