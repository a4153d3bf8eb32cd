"""The sums over the receive window's counters."""

from __future__ import annotations

from gateway.core.window_stats import WindowStats


def test_nothing_was_guessed_before_there_was_sound() -> None:
    assert WindowStats().concealed_percent == 0.0
    assert WindowStats(silence_samples=9_600).concealed_percent == 0.0


def test_recovered_sound_is_not_guessed_and_silence_no_sound() -> None:
    stats = WindowStats(
        played_samples=9_000, recovered_samples=900, concealed_samples=100, silence_samples=5_000
    )
    assert stats.concealed_percent == 1.0


def test_copies_and_fec_both_mend() -> None:
    assert WindowStats(lost=5, recovered=3, concealed=2, redundant=4).mended == 7
