"""Prices from the settings."""

from __future__ import annotations

import pytest

from gateway.config import SettingsError, load_settings
from gateway.core.prices import PRICES
from gateway.core.usage import Tokens
from gateway.json_settings import merged


def test_a_price_of_the_settings_wins_and_others_stay() -> None:
    settings = load_settings(model_prices='{"gpt-realtime-2.1": {"audio_out": 1}, "own": {}}')
    prices = merged(settings.model_prices)
    assert prices["gpt-realtime-2.1"].of(Tokens(text_in=100, audio_out=1_000_000)) == 1.0
    assert prices["own"].of(Tokens(text_in=100)) == 0.0
    assert prices["gpt-transcribe"] is PRICES["gpt-transcribe"]


@pytest.mark.parametrize(
    "value",
    ['{"m": {"text": 1}}', '{"m": {"text_in": -1}}', '{"m": 3}', "[]", '{"m": {"text_in": NaN}}'],
)
def test_a_price_that_is_none_is_told(value: str) -> None:
    with pytest.raises(SettingsError, match=r"MODEL_PRICES=.*expected JSON of US dollars"):
        load_settings(model_prices=value)


def test_what_is_not_json_is_told() -> None:
    with pytest.raises(SettingsError, match=r"MODEL_PRICES=.*not JSON"):
        load_settings(model_prices="cheap")


@pytest.mark.parametrize("value", ["0", "-1", "free", "inf"])
def test_a_limit_is_money(value: str) -> None:
    with pytest.raises(SettingsError, match=r"MAX_COST_PER_SESSION=.*US dollars, more than 0"):
        load_settings(max_cost_per_session=value)
