"""The default prices: there is one for each model that the gateway uses by default."""

from __future__ import annotations

from gateway.config import Settings
from gateway.core.prices import PRICES
from gateway.core.usage import Tokens


def test_the_default_models_have_a_price() -> None:
    for field in ("realtime_model", "transcription_model"):
        assert Settings.model_fields[field].default in PRICES


def test_what_is_cached_never_costs_more() -> None:
    for price in PRICES.values():
        fresh = price.of(Tokens(text_in=1000, audio_in=1000))
        assert price.of(Tokens(1000, 1000, 0, 1000, 1000)) <= fresh
