from __future__ import annotations

import pytest

from gateway.core.patience import Patience


def test_it_starts_at_the_floor() -> None:
    assert Patience(0.02, 0.06).at(0) == 0.02


def test_a_wait_that_paid_raises_it_with_a_margin() -> None:
    patience = Patience(0.02, 0.06)
    patience.learn(0.04, now=1)
    assert patience.at(1) == pytest.approx(0.05)


def test_it_stays_under_the_ceiling() -> None:
    patience = Patience(0.02, 0.06)
    patience.learn(0.059, now=1)
    assert patience.at(1) == 0.06


def test_a_hopeless_or_a_shorter_wait_teaches_nothing() -> None:
    patience = Patience(0.02, 0.06)
    patience.learn(0.07, now=1)
    patience.learn(0.01, now=1)
    assert patience.at(1) == 0.02


def test_it_sinks_by_half_every_half_life() -> None:
    patience = Patience(0.02, 0.06)
    patience.learn(0.048, now=100)
    assert patience.at(100 + Patience.HALF_LIFE) == pytest.approx(0.04)
    assert patience.at(1e9) == pytest.approx(0.02)


def test_a_clock_that_runs_backwards_does_no_harm() -> None:
    patience = Patience(0.02, 0.06)
    patience.learn(0.048, now=100)
    assert patience.at(0) == pytest.approx(0.06)
