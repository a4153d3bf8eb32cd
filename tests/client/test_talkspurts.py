"""The energy detector, against recordings whose talkspurts are known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.python.levels import Samples
from client.python.talkspurts import Talkspurt, find_talkspurts
from tests.client.tones import joined, silence, tone

RATE = 8000
FRAME = RATE // 100

spoken = st.integers(10, 60).map(lambda frames: frames / 100)
"""Seconds: at least 100 ms."""
long_pause = st.integers(75, 150).map(lambda frames: frames / 100)
breath = st.integers(1, 65).map(lambda frames: frames / 100)


def _recording(pauses: list[float], words: list[float]) -> tuple[Samples, list[Talkspurt]]:
    """pause, word, pause, word, …, and where the words are."""
    parts, spurts, at = [], [], 0
    for pause, word in zip(pauses, words, strict=True):
        parts += [silence(pause, RATE), tone(word, RATE)]
        start = at + len(parts[-2])
        at = start + len(parts[-1])
        spurts.append(Talkspurt(start, at))
    return joined(*parts, silence(0.8, RATE)), spurts


@given(st.lists(st.tuples(long_pause, spoken), min_size=1, max_size=5))
def test_words_between_long_pauses_are_found_to_10_ms(pairs: list[tuple[float, float]]) -> None:
    samples, spurts = _recording([p for p, _ in pairs], [w for _, w in pairs])
    found = find_talkspurts(samples, RATE)
    assert len(found) == len(spurts)
    for one, other in zip(found, spurts, strict=True):
        assert one.start == pytest.approx(other.start, abs=FRAME)
        assert one.end == pytest.approx(other.end, abs=FRAME)


@given(st.lists(st.tuples(breath, spoken), min_size=1, max_size=5))
def test_a_pause_for_breath_does_not_end_a_turn(pairs: list[tuple[float, float]]) -> None:
    samples, spurts = _recording([p for p, _ in pairs], [w for _, w in pairs])
    (found,) = find_talkspurts(samples, RATE)
    assert found.start == pytest.approx(spurts[0].start, abs=FRAME)
    assert found.end == pytest.approx(spurts[-1].end, abs=FRAME)


def test_700_ms_of_quiet_end_a_talkspurt_and_10_ms_less_do_not() -> None:
    assert len(find_talkspurts(_recording([0.1, 0.70], [0.2, 0.2])[0], RATE)) == 2
    assert len(find_talkspurts(_recording([0.1, 0.69], [0.2, 0.2])[0], RATE)) == 1


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, 8000), st.integers(-30000, 30000)), max_size=12),
    st.integers(0, 1000),
)
def test_talkspurts_are_ordered_apart_and_inside(
    pieces: list[tuple[int, int]], quiet_ms: int
) -> None:
    parts = [np.full(length, value, dtype=np.int16) for length, value in pieces]
    samples = joined(silence(0, RATE), *parts)
    found = find_talkspurts(samples, RATE, quiet_ms=quiet_ms)
    edges = [edge for spurt in found for edge in (spurt.start, spurt.end)]
    assert all(0 <= edge <= len(samples) for edge in edges)
    assert edges == sorted(edges)
    for one, other in pairwise(found):
        assert other.start - one.end >= quiet_ms * RATE / 1000


@given(st.integers(0, 200))
def test_silence_before_moves_what_is_found(frames: int) -> None:
    samples, _ = _recording([0.1, 0.8], [0.3, 0.2])
    shift = frames * FRAME
    moved = find_talkspurts(joined(np.zeros(shift, dtype=np.int16), samples), RATE)
    assert moved == [
        Talkspurt(s.start + shift, s.end + shift) for s in find_talkspurts(samples, RATE)
    ]


def test_silence_and_a_click_are_no_speech() -> None:
    assert find_talkspurts(silence(0, RATE), RATE) == []
    assert find_talkspurts(silence(1, RATE), RATE) == []
    click = silence(1, RATE)
    click[4000:4010] = 20_000
    assert find_talkspurts(click, RATE) == []


def test_background_noise_does_not_hide_where_speech_ends() -> None:
    samples, spurts = _recording([1.0, 1.0], [0.5, 0.5])
    noise = np.random.default_rng(1).normal(0, 200, len(samples))
    noisy = (samples + noise).astype(np.int16)
    found = find_talkspurts(noisy, RATE)
    assert [(round(s.start / FRAME), round(s.end / FRAME)) for s in found] == [
        (round(s.start / FRAME), round(s.end / FRAME)) for s in spurts
    ]


def test_a_quiet_word_end_still_counts() -> None:
    samples = joined(
        silence(0.5, RATE),
        tone(0.5, RATE, amplitude=10_000),
        tone(0.2, RATE, amplitude=300),
        silence(1, RATE),
    )
    (found,) = find_talkspurts(samples, RATE)
    assert found.end == pytest.approx(1.2 * RATE, abs=FRAME)
