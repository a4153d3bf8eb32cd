"""What was heard, in made-up time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.python.heard import RATE, HeardAudio
from client.python.levels import SILENCE_DBFS
from tests.client.tones import silence, tone

FRAME = 480
LOUD = tone(0.02, RATE)
QUIET = silence(0.02, RATE)


def _heard(
    pattern: str, *, start: float = 10.0, late: dict[int, float] | None = None
) -> HeardAudio:
    """20 ms for each character: L loud, q quiet, - nothing sent. `late`: index -> seconds."""
    heard = HeardAudio()
    heard.begin(start)
    for index, sound in enumerate(pattern):
        if sound != "-":
            delay = (late or {}).get(index, 0.0)
            at = start + index * 0.02 + delay
            heard.add(LOUD if sound == "L" else QUIET, index * FRAME, at)
    return heard


def test_loud_moments() -> None:
    heard = _heard("qqLLqq--LLLqq")
    assert heard.first_loud_after(10.0) == pytest.approx(10.04)
    assert heard.first_loud_after(10.07) == pytest.approx(10.16)
    assert heard.first_loud_after(11.0) is None
    assert heard.last_loud_before(10.1) == pytest.approx(10.06)
    assert heard.last_loud_before(10.0) is None
    assert heard.last_loud_after(10.0) == pytest.approx(10.2)
    assert heard.last_loud_after(10.2) is None


def test_an_answer_under_way_is_no_onset() -> None:
    heard = _heard("LLLL" + "-" * 20 + "LL")
    assert heard.first_onset_after(10.03) == pytest.approx(10.48)
    assert heard.first_onset_after(9.0) == pytest.approx(10.0)
    assert heard.first_onset_after(10.03, quiet_seconds=1.0) is None


def test_answers_are_split_by_quiet() -> None:
    heard = _heard("LLqqLL" + "-" * 60 + "LLL")
    spans = heard.answers()
    assert [tuple(round(t, 2) for t in span) for span in spans] == [(10.0, 10.1), (11.32, 11.36)]


def test_a_late_frame_is_a_gap_and_a_pause_that_was_sent_is_none() -> None:
    late = dict.fromkeys(range(5, 20), 0.1)
    heard = _heard("LLqqqLLLLL", late=late)
    (gap,) = heard.gaps(60)
    assert gap.milliseconds == pytest.approx(100)
    assert gap.at == pytest.approx(10.1)
    assert heard.gaps(100.1) == []
    assert _heard("LLqqqqqqqqqLL").gaps(1) == []


def test_lost_frames_are_a_gap_but_silence_between_answers_is_none() -> None:
    (gap,) = _heard("LLL---LLL").gaps(1)
    assert gap.milliseconds == pytest.approx(60)
    assert _heard("LLL" + "-" * 100 + "LLL").gaps(1) == []


def test_what_comes_early_covers_what_comes_late() -> None:
    """A burst is played at its own pace, so a stall of its length after it is not heard."""
    heard = HeardAudio()
    for index in range(5):
        heard.add(LOUD, index * FRAME, 1.0)
    heard.add(LOUD, 5 * FRAME, 1.1)
    assert heard.gaps(0.001) == []
    heard.add(LOUD, 6 * FRAME, 1.2)
    (gap,) = heard.gaps(1)
    assert gap.milliseconds == pytest.approx(80)


def test_gaps_of_one_answer() -> None:
    heard = _heard("LL-LL" + "-" * 100 + "LL--LL")
    assert [round(g.milliseconds) for g in heard.gaps(1, since=12.0, until=13.0)] == [40]
    assert heard.gaps(1, since=20.0, until=21.0) == []


def test_level_is_of_the_loud_frames() -> None:
    assert _heard("LqqqqqqL").level() == pytest.approx(_heard("L").level())
    assert _heard("qqq").level() == SILENCE_DBFS


def test_the_time_line_has_silence_where_nothing_was_sent() -> None:
    first, line = _heard("--LL---L").timeline()
    assert first == 2 * FRAME
    assert len(line) == 6 * FRAME
    assert np.array_equal(line[:FRAME], LOUD)
    assert not line[2 * FRAME : 5 * FRAME].any()
    assert np.array_equal(line[5 * FRAME :], LOUD)
    empty_first, empty = HeardAudio().timeline()
    assert (empty_first, len(empty)) == (0, 0)


def test_jitter_leaves_no_seam_in_the_time_line() -> None:
    _, line = _heard("LLLLLLLL", late={2: 0.015, 3: 0.008, 6: 0.019}).timeline()
    assert np.array_equal(line, np.concatenate([LOUD] * 8))


def test_a_sender_whose_clock_jumps_is_placed_by_arrival() -> None:
    heard = HeardAudio()
    heard.add(LOUD, 0, 5.0)
    frame = heard.add(LOUD, 10_000_000, 6.0)
    assert frame.position == RATE
    assert heard.add(LOUD, 10_000_000 + FRAME, 6.02).position == RATE + FRAME


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.integers(-(10**6), 10**6)), min_size=1, max_size=30)
)
def test_whatever_the_clocks_say_frames_do_not_overlap(steps: list[tuple[float, int]]) -> None:
    heard, now = HeardAudio(), 1.0
    for wait, media_position in steps:
        now += wait
        heard.add(LOUD, media_position, now)
    positions = [frame.position for frame in heard.frames]
    assert all(b - a >= FRAME for a, b in pairwise(positions))
    first, line = heard.timeline()
    assert len(line) == positions[-1] + FRAME - first


def test_memory_is_bounded() -> None:
    heard = HeardAudio(keep_seconds=1.0)
    for index in range(500):
        heard.add(LOUD, index * FRAME, index * 0.02)
    assert 50 <= len(heard.frames) <= 51
    first, _ = heard.timeline()
    assert first == heard.frames[0].position
