"""How much audio is held back, for models that are late and for those that are not."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from gateway.core.playout import Playout
from gateway.core.prefill import MOST, Prefill

HANGOVER = 10


def talkspurt(prefill: Prefill, *gaps: int, owed: int = FRAME_SAMPLES, spare: int = 0) -> None:
    """One that starts with ``owed`` samples and has gaps of so many frames."""
    prefill.start(owed)
    prefill.spare(spare)
    for gap in gaps:
        for _ in range(gap):
            prefill.miss()
        prefill.start(FRAME_SAMPLES)
    prefill.end()


def test_gaps_add_up_to_what_is_held_next_time() -> None:
    prefill = Prefill()
    assert prefill.wanted == FRAME_SAMPLES
    talkspurt(prefill, 2, 1)
    assert prefill.wanted == 4 * FRAME_SAMPLES


def test_without_gaps_it_sinks_by_a_frame_where_there_was_one_to_spare() -> None:
    prefill = Prefill()
    talkspurt(prefill, 2)
    talkspurt(prefill, owed=3 * FRAME_SAMPLES, spare=FRAME_SAMPLES - 1)
    assert prefill.wanted == 3 * FRAME_SAMPLES
    for left in (2, 1, 1):
        talkspurt(prefill, owed=9_600, spare=FRAME_SAMPLES)
        assert prefill.wanted == left * FRAME_SAMPLES


def test_a_pause_of_the_model_is_no_lateness() -> None:
    prefill = Prefill()
    talkspurt(prefill, 11)
    assert prefill.wanted == FRAME_SAMPLES


def test_it_never_exceeds_its_bound() -> None:
    prefill = Prefill()
    talkspurt(prefill, *[5] * 20)
    assert prefill.wanted == MOST


def test_an_end_without_a_start_changes_nothing() -> None:
    prefill = Prefill()
    talkspurt(prefill, 3)
    prefill.end()
    assert prefill.wanted == 4 * FRAME_SAMPLES


# -- a model, a playout and a pacer in virtual time -------------------------------


@dataclass
class Answer:
    gaps: int
    delay_ms: float
    """From the first delta to the first frame."""


def answers(
    playout: Playout, count: int, *, delta_ms: int, pace: float, jitter_ms: float, seed: int = 1
) -> list[Answer]:
    """Answers of four seconds, in deltas sent ``pace`` times as fast as they are spoken."""
    rng, now, heard = random.Random(seed), 0.0, []
    pcm = bytes(2 * delta_ms * SAMPLE_RATE // 1000)
    for number in range(count):
        now += 1.0
        arrivals: list[float] = []
        for delta in range(4000 // delta_ms):
            late = rng.expovariate(1 / jitter_ms) / 1000 if jitter_ms else 0.0
            sent = now + delta * delta_ms / 1000 / pace
            arrivals.append(max(sent + late, arrivals[-1] if arrivals else 0.0))
        first, started, before = arrivals[0], None, playout.stats.underruns
        now, quiet = first, 0
        while arrivals or not playout.is_empty:
            while arrivals and arrivals[0] <= now + 1e-9:
                arrivals.pop(0)
                playout.push(f"item_{number}", pcm)
                if not arrivals:
                    playout.finish(f"item_{number}")
            if playout.next_frame() is None:
                quiet += 1
                at_rest = started is None or quiet > HANGOVER
                now = arrivals[0] if at_rest and arrivals else now + FRAME_SECONDS
                continue
            started, quiet = now if started is None else started, 0
            now += FRAME_SECONDS
        assert playout.next_frame() is None
        assert started is not None
        heard.append(Answer(playout.stats.underruns - before, 1000 * (started - first)))
    return heard


@pytest.mark.parametrize(("delta_ms", "jitter_ms"), [(20, 10), (20, 30), (40, 30), (100, 30)])
def test_a_late_model_makes_few_gaps_once_it_is_known(delta_ms: int, jitter_ms: float) -> None:
    first, later = [], []
    for seed in range(10):
        heard = answers(Playout(), 20, delta_ms=delta_ms, pace=1.0, jitter_ms=jitter_ms, seed=seed)
        first.append(heard[0])
        later += heard[1:]
    gaps_at_first = sum(answer.gaps for answer in first) / len(first)
    gaps_later = sum(answer.gaps for answer in later) / len(later)
    assert gaps_at_first > 1.5
    assert gaps_later < gaps_at_first / 3
    assert {answer.delay_ms for answer in first} == {0.0}
    assert max(answer.delay_ms for answer in later) < 200 + 2 * delta_ms + 3 * jitter_ms


@pytest.mark.parametrize(("delta_ms", "pace", "jitter_ms"), [(100, 4.0, 30), (200, 2.0, 60)])
def test_a_model_that_runs_ahead_is_never_held_back(
    delta_ms: int, pace: float, jitter_ms: float
) -> None:
    heard = answers(Playout(), 30, delta_ms=delta_ms, pace=pace, jitter_ms=jitter_ms)
    assert {answer.delay_ms for answer in heard} == {0.0}


def test_a_punctual_model_is_never_held_back() -> None:
    heard = answers(Playout(), 5, delta_ms=20, pace=1.0, jitter_ms=0.0)
    assert {(answer.gaps, answer.delay_ms) for answer in heard} == {(0, 0.0)}


def test_after_one_stall_a_fast_model_starts_at_once_with_its_first_delta() -> None:
    playout = Playout()
    playout.push("stalled", bytes(2 * 2 * FRAME_SAMPLES))
    for _ in range(6):
        playout.next_frame()
    playout.push("stalled", bytes(20_000))
    playout.finish("stalled")
    while playout.next_frame() is not None:
        pass
    assert playout.stats.underruns == 1
    heard = answers(playout, 3, delta_ms=200, pace=4.0, jitter_ms=0.0)
    assert {answer.delay_ms for answer in heard} == {0.0}
