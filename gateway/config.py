"""Every setting of the gateway: its environment variable, default and check, in one place.

A field's name in capitals is its variable, its description is what an error says was expected. What
wins, strongest first: command-line flags, the environment, the `.env` file. A variable that is set
but empty counts as unset, so a copied `.env` may keep lines it does not use. The names of OpenAI's
models are spelled here, and in the table of their prices.
"""

import ipaddress
import re
import textwrap
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.core.control import Control, Right
from gateway.guard_settings import GuardSettings, is_loopback
from gateway.json_settings import MODEL_PRICES, IceServer, ModelPrices, parse_json
from gateway.redis_settings import REDIS_URL, RedisUrl
from gateway.sip_settings import SipAddress, parse_addresses, parse_users
from gateway.telemetry import LogFormat, LogLevel, redact_text
from gateway.trunk_settings import TRUNKS, SipTrunks, without_a_socket
from gateway.webhook_settings import WEBHOOK_SECRET, WEBHOOK_URL, WebhookSecret, WebhookUrl

_SHOWN_CHARACTERS = 80
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SAMPLE_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_NEVER_SHOWN = frozenset(
    {"openai_api_key", "ice_servers", "turn_secret", "sip_users", "sip_trunks"}
    | {"sip_webhook_url", "sip_webhook_secret", "auth_secret", "redis_url"}
)


class SettingsError(Exception):
    """The settings cannot be used. `str()` is one line which names each wrong variable."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _split_commas(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(item.strip() for item in value.split(",") if item.strip())


def _split_url(value: str) -> SplitResult:
    """Raises ValueError for what urlsplit alone lets pass until the port is read."""
    parts = urlsplit(value)
    if parts.port == 0:
        raise ValueError("port 0 cannot be connected to")
    return parts


def _check_key(value: SecretStr) -> SecretStr:
    key = value.get_secret_value().strip()
    # The key becomes an HTTP header: RFC 9110 §5.5 lets no other character in.
    if not re.fullmatch(r"[!-~]+", key):
        raise ValueError("holds a blank or a character which no key has")
    return SecretStr(key)


def _check_host(value: str) -> str:
    host = value.removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"[\w.:%-]+", host):
        raise ValueError("expected a host name or an IP address")
    return host


def _check_origin(value: str) -> str:
    """An origin as browsers send it (RFC 6454 §6.2): lower case, no path, no default port."""
    if value == "*":
        return value
    parts = _split_url(value.lower().rstrip("/"))
    if not parts.scheme or not parts.hostname or "@" in parts.netloc:
        raise ValueError("expected an origin such as https://example.org, or *")
    if parts.path or parts.query or parts.fragment:
        raise ValueError("an origin ends after its host and port")
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    netloc = parts.netloc.removesuffix(f":{default_port}") if default_port else parts.netloc
    return f"{parts.scheme}://{netloc}"


def _check_url(value: str, *schemes: str) -> str:
    parts = _split_url(value)
    if parts.scheme not in schemes or not parts.hostname or parts.fragment:
        raise ValueError(f"expected a {schemes[0]}:// or {schemes[1]}:// URL")
    if "@" in parts.netloc:
        raise ValueError("credentials belong into OPENAI_API_KEY, not into the URL")
    return value


def _check_realtime_url(value: str) -> str:
    return _check_url(value, "ws", "wss")


def _check_http_url(value: str) -> str:
    return _check_url(value, "http", "https")


def _parse_port_range(value: object) -> object:
    if not isinstance(value, str):
        return value
    ports = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", value.strip())
    if ports is None:
        raise ValueError("expected two ports such as 40000-40100")
    return tuple(map(int, ports.groups()))


def _check_port_range(value: tuple[int, int]) -> tuple[int, int]:
    first, last = value
    if not 1 <= first <= last <= 65_535:
        raise ValueError(
            "expected two ports such as 40000-40100, the first from 1 and the last to 65535"
        )
    return value


def _check_sample_rate(value: int) -> int:
    if value not in _SAMPLE_RATES:
        raise ValueError(f"expected one of {', '.join(map(str, _SAMPLE_RATES))} Hz")
    return value


def _check_interface(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        if not re.fullmatch(r"[\w.:@*?\[\]!-]+", value):
            raise ValueError("neither the name of an interface nor a network") from None
    return value


def _check_public_address(value: str) -> str:
    address = ipaddress.ip_address(value)
    if address.is_unspecified or address.is_multicast:
        raise ValueError("nobody can send to this address")
    return str(address)


_Name = Annotated[str, Field(min_length=1, pattern=r"^\S+$", description="one word")]
_Interface = Annotated[str, AfterValidator(_check_interface)]
_Origin = Annotated[str, AfterValidator(_check_origin)]
_PublicAddress = Annotated[str, AfterValidator(_check_public_address)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False, description="seconds, 0 or more")]
_PortRange = Annotated[
    tuple[int, int],
    NoDecode,
    BeforeValidator(_parse_port_range),
    AfterValidator(_check_port_range),
]
_PositiveSeconds = Annotated[
    float, Field(gt=0, allow_inf_nan=False, description="seconds, more than 0")
]


class Settings(GuardSettings):
    """What the gateway was told. Immutable; made by `load_settings`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        env_file_encoding="utf-8",
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    openai_api_key: Annotated[SecretStr, AfterValidator(_check_key)] | None = Field(
        default=None, description="an OpenAI API key"
    )
    realtime_url: Annotated[str, AfterValidator(_check_realtime_url)] = Field(
        default="wss://api.openai.com/v1/realtime", description="a ws:// or wss:// URL"
    )
    realtime_model: _Name = "gpt-realtime-2.1"
    realtime_voice: _Name = "marin"
    realtime_append_ms: int = Field(
        default=20, ge=20, le=200, description="20 to 200 ms of audio in one event to the model"
    )
    realtime_session_limit: float = Field(
        default=3600.0, ge=5, allow_inf_nan=False, description="5 seconds or more"
    )
    transcription_model: _Name = "gpt-transcribe"
    supervisor_model: _Name = "gpt-5.4-mini"
    supervisor_url: Annotated[str, AfterValidator(_check_http_url)] | None = Field(
        default=None, description="an http:// or https:// URL"
    )
    agent_set: _Name = "chat_supervisor"
    client_control: Annotated[Control, BeforeValidator(_lower)] = Field(
        default=Control.AGENTS, description="agents or passthrough"
    )
    client_may_change: Annotated[
        frozenset[Right], NoDecode, BeforeValidator(_lower), BeforeValidator(_split_commas)
    ] = Field(default=frozenset(), description="instructions, tools, or both, separated by a comma")

    host: Annotated[str, AfterValidator(_check_host)] = Field(
        default="127.0.0.1", description="a host name or an IP address"
    )
    port: int = Field(
        default=8000, ge=0, le=65535, description="a port from 0 (any free one) to 65535"
    )
    tls_cert: Path | None = Field(default=None, description="a file")
    tls_key: Path | None = Field(default=None, description="a file")
    allowed_origins: Annotated[tuple[_Origin, ...], NoDecode, BeforeValidator(_split_commas)] = (
        Field(
            default=("http://localhost:3000", "http://localhost:3001"),
            description="origins separated by commas, or *",
        )
    )

    max_audio_size: int = Field(
        default=10 * 1024 * 1024, gt=0, le=100 * 1024 * 1024, description="1 byte to 100 MiB"
    )
    audio_sample_rate: Annotated[int, AfterValidator(_check_sample_rate)] = Field(
        default=24_000, description="a sample rate in Hz"
    )
    audio_channels: int = Field(default=1, ge=1, le=2, description="1 or 2 channels")

    session_idle_timeout: _PositiveSeconds = 300.0
    session_max_duration: _PositiveSeconds = 3600.0
    reconnect_grace: _Seconds = 30.0
    drain_timeout: _Seconds = 20.0
    max_cost_per_session: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="US dollars, more than 0"
    )
    model_prices: ModelPrices = Field(default={}, description=MODEL_PRICES)
    max_sessions: int = Field(default=0, ge=0, description="a number of sessions, 0 for no cap")

    turn_secret: Annotated[SecretStr, AfterValidator(_check_key)] | None = Field(
        default=None, description="the secret that the TURN server shares with the gateway"
    )
    ice_servers: Annotated[tuple[IceServer, ...], NoDecode, BeforeValidator(parse_json)] = Field(
        default=(),
        description='a JSON list of {"urls": …, "username": …, "credential": …}',
    )
    public_address: Annotated[
        tuple[_PublicAddress, ...], NoDecode, BeforeValidator(_split_commas)
    ] = Field(default=(), description="IP addresses separated by commas")
    media_interfaces: Annotated[
        tuple[_Interface, ...], NoDecode, BeforeValidator(_split_commas)
    ] = Field(
        default=(), description="interfaces (eth*) and networks (10.0.0.0/8) separated by commas"
    )
    udp_port_range: _PortRange | None = Field(
        default=None, description="two ports such as 40000-40100"
    )

    sip_listen: Annotated[tuple[SipAddress, ...], NoDecode, BeforeValidator(parse_addresses)] = (
        Field(default=(), description="addresses such as udp:127.0.0.1:5060")
    )
    sip_users: Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(parse_users)] = Field(
        default_factory=dict, description="user:password, separated by commas"
    )
    sip_trunks: SipTrunks = Field(default=(), description=TRUNKS)
    sip_webhook_url: WebhookUrl | None = Field(default=None, description=WEBHOOK_URL)
    sip_webhook_secret: WebhookSecret | None = Field(default=None, description=WEBHOOK_SECRET)
    sip_transfer_to: str | None = Field(default=None, description="a phone number or SIP address")
    sip_tls_cert: Path | None = Field(default=None, description="a file")
    sip_tls_key: Path | None = Field(default=None, description="a file")

    redis_url: RedisUrl | None = Field(default=None, description=REDIS_URL)
    audit_log: Path | None = Field(default=None, description="a file")
    record_dir: Path | None = Field(default=None, description="a folder")
    record_format: Annotated[Literal["opus", "wav"], BeforeValidator(_lower)] = Field(
        default="opus", description="opus or wav"
    )
    record_notice: str | None = Field(default=None, max_length=1000, description="a sentence")
    record_max_days: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="days, more than 0"
    )
    record_max_bytes: int | None = Field(default=None, gt=0, description="bytes, more than 0")
    record_packets: bool = Field(default=False, description="true or false")

    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = Field(
        default="info", description="debug, info, warning or error"
    )
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = Field(
        default="console", description="console or json"
    )

    @property
    def embedded_model(self) -> bool:
        """Whether the embedded model answers: no key, and no other server was asked for."""
        return self.openai_api_key is None and "realtime_url" not in self.model_fields_set

    @property
    def text_model_url(self) -> str | None:
        """Where the Responses API is, without ``/responses``; None: rules answer.

        A key is shown to no server but the one that it is for.
        """
        if self.supervisor_url is not None or self.openai_api_key is None:
            return self.supervisor_url
        parts = urlsplit(self.realtime_url)
        path = parts.path.rstrip("/").removesuffix("/realtime")
        return f"http{parts.scheme.removeprefix('ws')}://{parts.netloc}{path}"

    @field_validator("ice_servers")
    @classmethod
    def _turn_credentials(
        cls, servers: tuple[IceServer, ...], info: ValidationInfo
    ) -> tuple[IceServer, ...]:
        # A secret that is wrong is absent here, and told of itself.
        if info.data.get("turn_secret", True) is None:
            for server in servers:
                if server.lacks_credential:
                    raise ValueError(
                        f"{server.turn_url} needs a username and a credential, or TURN_SECRET"
                    )
        return servers

    @model_validator(mode="after")
    def _closed_or_meant(self) -> Self:
        exposed = [str(address) for address in self.sip_listen if not address.is_loopback]
        # With trunks or tokens nobody else is let in, unless there are accounts.
        closed = self.sip_users or self.sip_trunks or self.needs_tokens
        if exposed and not closed and not self.allow_anonymous:
            raise ValueError(
                f"SIP_LISTEN={exposed[0]} lets anyone on the network call: expected SIP_USERS, "
                "a loopback address, or ALLOW_ANONYMOUS=true if that is meant"
            )
        if self.sip_webhook_url is not None and self.sip_webhook_secret is None:
            raise ValueError(f"SIP_WEBHOOK_URL needs SIP_WEBHOOK_SECRET: {WEBHOOK_SECRET}")
        if (trunk := without_a_socket(self.sip_trunks, self.sip_listen)) is not None:
            raise ValueError(
                f"SIP_TRUNKS: {trunk.name} goes by udp, and SIP_LISTEN has no udp address"
            )
        if not (self.allow_anonymous or self.needs_tokens or is_loopback(self.host)):
            raise ValueError(
                f"HOST={self.host} lets anyone on the network call: expected AUTH_SECRET, "
                "OIDC_ISSUER, a loopback address, or ALLOW_ANONYMOUS=true if that is meant"
            )
        return self


def load_settings(env_file: Path | None = None, **overrides: Any) -> Settings:
    """Settings from `overrides` (flags by field name, None: not given), the environment, the file.

    Without `env_file` the `.env` of the working directory is read if there is one; a file that is
    named must exist.

    Raises:
        SettingsError: a value, or the file, cannot be used.
        TypeError: an override is no setting.
    """
    unknown = overrides.keys() - Settings.model_fields.keys()
    if unknown:
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    if env_file is not None and not env_file.exists():
        raise SettingsError(f"--env-file={env_file}: there is no such file")
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**{"_env_file": env_file or Path(".env"), **given})
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--env-file={env_file or '.env'}: cannot be read ({error})") from None


def _one_line(error: ValidationError) -> str:
    # One value may be reported once per rule it breaks; a dict keeps the order and drops doubles.
    reasons = dict.fromkeys(_explain(item) for item in error.errors(include_url=False))
    return " ".join("; ".join(reasons).split())


def _explain(item: ErrorDetails) -> str:
    own_reason = str(item["ctx"]["error"]) if item["type"] == "value_error" else None
    if not item["loc"]:
        return own_reason or item["msg"]
    name = str(item["loc"][0])
    reason = own_reason or f"expected {Settings.model_fields[name].description}"
    if name in _NEVER_SHOWN:
        return f"{name.upper()}: {reason}"
    value = redact_text(str(item["input"]))
    return f"{name.upper()}={textwrap.shorten(value, _SHOWN_CHARACTERS)}: {reason}"
