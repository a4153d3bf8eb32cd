"""The setting ``MODEL_PRICES``: what models cost, where that is not what OpenAI's pages say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

from gateway.core.prices import PRICES
from gateway.core.usage import Price

DESCRIPTION: Final = (
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


def _parse(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None


ModelPrices = Annotated[dict[str, ModelPrice], NoDecode, BeforeValidator(_parse)]


def merged(settings: Mapping[str, ModelPrice]) -> dict[str, Price]:
    """All prices that are known, those of the settings first."""
    return PRICES | {name: Price(**price.model_dump()) for name, price in settings.items()}
