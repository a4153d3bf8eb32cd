"""Counts and what they cost."""

from __future__ import annotations

import pytest

from gateway.core.usage import MAX_MODELS, OTHERS, Price, Tokens, Usage, price_of

PRICES = {
    "speaker": Price(
        text_in=4, text_cached=0.4, text_out=24, audio_in=32, audio_cached=0.4, audio_out=64
    ),
    "recogniser": Price(audio_minute=0.006),
    "thinker": Price(text_in=2, text_out=8),
}


def test_each_modality_has_its_price_and_cached_tokens_theirs() -> None:
    usage = Usage(PRICES)
    usage.add(
        "speaker",
        Tokens(
            text_in=1_000_000,
            text_cached=500_000,
            text_out=100_000,
            audio_in=1_000_000,
            audio_cached=750_000,
            audio_out=100_000,
        ),
    )
    assert usage.report().cost_usd == pytest.approx(2 + 0.2 + 2.4 + 8 + 0.3 + 6.4)


def test_models_are_summed_each_for_itself() -> None:
    usage = Usage(PRICES)
    usage.add("thinker", Tokens(text_in=1_000_000))
    usage.add("thinker", Tokens(text_in=500_000, text_cached=500_000, text_out=125_000))
    usage.add("recogniser", Tokens(audio_seconds=90))
    report = usage.report()
    assert report.models["thinker"].tokens == Tokens(1_500_000, 500_000, 125_000)
    assert report.models["thinker"].cost_usd == pytest.approx(3 + 1), "no price for cached ones"
    assert report.models["recogniser"].cost_usd == pytest.approx(0.009)
    assert report.cost_usd == pytest.approx(4.009)
    assert report.total == Tokens(1_500_000, 500_000, 125_000, audio_seconds=90)


def test_a_model_without_a_price_is_counted_all_the_same() -> None:
    usage = Usage(PRICES)
    usage.add("stranger", Tokens(text_in=7))
    assert usage.report().cost_usd is None
    assert usage.report().models["stranger"].cost_usd is None
    assert usage.report().total.text_in == 7
    usage.add("thinker", Tokens(text_in=1_000_000))
    assert usage.report().cost_usd == pytest.approx(2), "of what is known"


def test_a_snapshot_costs_what_its_model_does() -> None:
    assert price_of("thinker-2026-05-01", PRICES) is PRICES["thinker"]
    assert price_of("thinker-mini", PRICES) is None
    own = Price(text_in=1)
    assert price_of("thinker-2026-05-01", {**PRICES, "thinker-2026-05-01": own}) is own


def test_nothing_used_costs_nothing_that_is_known() -> None:
    report = Usage(PRICES).report()
    assert (report.cost_usd, report.total, dict(report.models)) == (None, Tokens(), {})


def test_the_number_of_models_has_a_bound() -> None:
    usage = Usage({})
    for number in range(3 * MAX_MODELS):
        usage.add(f"model-{number}", Tokens(text_in=1))
    report = usage.report()
    assert len(report.models) == MAX_MODELS + 1
    assert report.models[OTHERS].tokens.text_in == 2 * MAX_MODELS
    assert report.total.text_in == 3 * MAX_MODELS
