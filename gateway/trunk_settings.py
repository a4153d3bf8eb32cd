"""How trunks are set: providers and PBXs that the gateway registers at, and calls through."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, NamedTuple, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import NoDecode

from gateway.json_settings import parse_json
from gateway.sip_settings import SipAddress, Transport

TRUNKS: Final = (
    'a JSON list of {"name": …, "uri": "sip:HOST", "user": …, "password": …, "register": …, '
    '"expires": …, "qualify": …, "from": …, "addresses": […], "agentSet": …, "ca": …}'
)

_URI: Final = re.compile(
    r"(sips?):(\[[0-9a-fA-F:.]+\]|[\w.-]{1,253})(?::(\d{1,5}))?(?:;transport=(udp|tcp|tls))?",
    re.ASCII | re.IGNORECASE,
)
_FROM: Final = re.compile(r"sips?:[\w.!~*'()&=+$,;?/%-]{1,128}@[\w.:\[\]-]{1,255}", re.ASCII)


class TrunkUri(NamedTuple):
    """``sip:HOST[:PORT][;transport=udp|tcp|tls]``, or ``sips:`` for TLS.

    :ivar host: a name, or an address without brackets.
    :ivar port: None: by SRV, or the default.
    """

    host: str
    port: int | None
    transport: Transport

    @property
    def domain(self) -> str:
        """Host and port, as a URI has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def _parse_uri(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _URI.fullmatch(value)
    if found is None or not 0 < int(found[3] or 1) <= 65_535:
        raise ValueError(f"{value[:80]} is not of the form sip:HOST:PORT;transport=tls")
    scheme, host, port, transport = found.groups()
    if scheme.lower() == "sips" and transport not in (None, "tls", "tcp"):
        raise ValueError(f"{value[:80]}: sips goes by tls")
    kind = "tls" if scheme.lower() == "sips" else (transport or "udp").lower()
    return TrunkUri(host.strip("[]").lower(), int(port) if port else None, cast(Transport, kind))


def _check_from(value: str) -> str:
    if not _FROM.fullmatch(value):
        raise ValueError(f"{value[:80]} is not of the form sip:NAME@HOST")
    return value


class SipTrunk(BaseModel):
    """One trunk.

    :ivar expires: seconds that a registration is asked for.
    :ivar qualify: seconds between two OPTIONS that ask whether it is there; 0: none.
    :ivar sender: From of calls by it; None: its user at its domain.
    :ivar addresses: where its calls come from, besides the way that we registered by.
    :ivar agent_set: who answers its calls; None: whoever has the called name, or ``AGENT_SET``.
    :ivar ca: who signed its certificate; None: those that the system trusts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    uri: Annotated[TrunkUri, BeforeValidator(_parse_uri)]
    user: Annotated[str, Field(pattern=r"^[^\s\"<>@:;]{1,128}$")] | None = None
    password: SecretStr | None = None
    registers: bool = Field(default=False, alias="register")
    expires: int = Field(default=600, ge=60, le=86_400)
    qualify: int = Field(default=60, ge=0, le=3_600)
    sender: Annotated[str, AfterValidator(_check_from)] | None = Field(default=None, alias="from")
    addresses: tuple[IPv4Network | IPv6Network, ...] = Field(default=(), max_length=256)
    agent_set: Annotated[str, Field(pattern=r"^\S+$")] | None = Field(
        default=None, alias="agentSet"
    )
    ca: Path | None = None

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.user is None and (self.registers or self.password is not None):
            raise ValueError(f"{self.name} needs a user")
        if self.ca is not None and self.uri.transport != "tls":
            raise ValueError(f"{self.name} has a ca, but does not go by tls")
        return self


def _check_names(trunks: tuple[SipTrunk, ...]) -> tuple[SipTrunk, ...]:
    names = [trunk.name for trunk in trunks]
    if len(set(names)) < len(names):
        raise ValueError("two trunks have the same name")
    return trunks


SipTrunks = Annotated[
    tuple[SipTrunk, ...], NoDecode, BeforeValidator(parse_json), AfterValidator(_check_names)
]


def without_a_socket(trunks: Sequence[SipTrunk], listen: Sequence[SipAddress]) -> SipTrunk | None:
    """A trunk that goes by UDP, if we have no UDP socket."""
    if any(address.transport == "udp" for address in listen):
        return None
    return next((trunk for trunk in trunks if trunk.uri.transport == "udp"), None)
