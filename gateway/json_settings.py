"""Settings that are JSON: ICE servers, and what models cost."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from gateway.core.prices import PRICES
from gateway.core.usage import Price

# RFC 7064 §3.1 and RFC 7065 §3.1.
_STUN_URL = re.compile(r"stuns?:[^\s?#/@]+")
_TURN_URL = re.compile(r"turns?:[^\s?#/@]+(\?transport=(udp|tcp))?")


def parse_json(value: object) -> object:
    """The value of a setting; what is not text comes from a program, and stays as it is.

    :raises ValueError: it is not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None


class IceServer(BaseModel):
    """A STUN or TURN server in the shape of W3C's RTCIceServer dictionary."""

    model_config = ConfigDict(frozen=True)

    urls: tuple[str, ...] = Field(min_length=1)
    username: str | None = None
    credential: SecretStr | None = None

    @field_validator("urls", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not all(_TURN_URL.fullmatch(url) or _STUN_URL.fullmatch(url) for url in self.urls):
            raise ValueError("a URL is not of the form stun:HOST or turn:HOST:PORT")
        if self.turn_url is not None and (self.username is None) != (self.credential is None):
            raise ValueError(f"{self.turn_url} needs a username and a credential, or neither")
        return self

    @property
    def turn_url(self) -> str | None:
        """The first of its URLs that is a TURN server's."""
        return next((url for url in self.urls if _TURN_URL.fullmatch(url)), None)

    @property
    def lacks_credential(self) -> bool:
        """Whether it can be used only with a credential made for it."""
        return self.turn_url is not None and self.credential is None

    def as_dict(self) -> dict[str, Any]:
        """The RTCIceServer dictionary for a client: `{urls: [...], username?, credential?}`.

        It holds the credential in clear: for the wire, never for a log.
        """
        server: dict[str, Any] = {"urls": list(self.urls)}
        if self.username is not None:
            server["username"] = self.username
        if self.credential is not None:
            server["credential"] = self.credential.get_secret_value()
        return server


MODEL_PRICES: Final = (
    'JSON of US dollars for a million tokens, {"MODEL": {"text_in": …, "text_cached": …, '
    '"text_out": …, "audio_in": …, "audio_cached": …, "audio_out": …, "audio_minute": …}}'
)

_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ModelPrice(BaseModel):
    """The fields of :class:`Price`, as they are set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text_in: _Dollars = 0.0
    text_cached: _Dollars | None = None
    text_out: _Dollars = 0.0
    audio_in: _Dollars = 0.0
    audio_cached: _Dollars | None = None
    audio_out: _Dollars = 0.0
    audio_minute: _Dollars = 0.0


ModelPrices = Annotated[dict[str, ModelPrice], NoDecode, BeforeValidator(parse_json)]


def merged(settings: Mapping[str, ModelPrice]) -> dict[str, Price]:
    """All prices that are known, those of the settings first."""
    return PRICES | {name: Price(**price.model_dump()) for name, price in settings.items()}
