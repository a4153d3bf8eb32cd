"""Two directions on one line: an hour without drift, gaps as they were, speech untouched."""

from __future__ import annotations

import array
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from gateway.core.stereo import LIVE_PIECE, MAX_AHEAD, PAUSE, TOLERANCE, StereoLine

HOUR = 3600
HOLD = SAMPLE_RATE * 3 // 10


def speech(samples: int, mark: int = 3000) -> bytes:
    return array.array("h", [mark] * samples).tobytes()


def quiet(samples: int) -> bytes:
    return array.array("h", [3, -3] * (samples // 2)).tobytes()


def first(pcm: bytes, mark: int) -> int:
    """The position of a sample."""
    return array.array("h", pcm).index(mark)


def test_an_hour_at_the_lines_own_rate_drifts_by_no_sample() -> None:
    line, late = StereoLine(100.0), random.Random(8)
    rest, pause = quiet(LIVE_PIECE - 2) + bytes(2), quiet(LIVE_PIECE)
    seen = [0, 0]
    for piece in range(HOUR * 10):
        begins = 100.0 + piece / 10
        # A mark at every second: the first sample of it.
        pcm = pause if piece % 10 else speech(1, 1000 + piece // 10 % 20_000) + rest
        # Both come late by as much as a loop under load; never early.
        line.caller(pcm, begins + 0.1 + late.uniform(0, 0.02) * bool(piece))
        line.agent(pcm, begins + late.uniform(0, 0.02) * bool(piece), fresh=piece == 0)
        if piece % 5 == 4:
            for side, pcm_of_side in enumerate(line.take(line.position(begins) - HOLD)):
                start = line.taken - len(pcm_of_side) // 2
                for at in range(-start % SAMPLE_RATE, len(pcm_of_side) // 2, SAMPLE_RATE):
                    second = (start + at) // SAMPLE_RATE
                    assert pcm_of_side[2 * at : 2 * at + 2] == speech(1, 1000 + second % 20_000)
                    seen[side] += 1
    assert seen == [HOUR, HOUR]
    assert line.dropped == 0


@pytest.mark.parametrize("skew", [100e-6, -100e-6, 1000e-6, -1000e-6])
def test_a_callers_clock_that_is_off_is_brought_back_in_pauses_and_speech_is_whole(
    skew: float,
) -> None:
    line, spoken = StereoLine(0.0), 0
    left = bytearray()
    worst = 0
    for frame in range(50 * 600):
        # Two seconds of speech, one of pause; what is spoken can be counted.
        talks = frame % 150 < 100
        pcm = speech(FRAME_SAMPLES) if talks else quiet(FRAME_SAMPLES)
        spoken += FRAME_SAMPLES * talks
        now = (frame + 1) * FRAME_SECONDS * (1 + skew)
        line.caller(pcm, now)
        if frame > 1000:
            worst = max(worst, abs(line.end - line.position(now)))
        if frame % 25 == 0:
            left += line.take(line.position(now) - HOLD)[0]
    left += line.take(line.end)[0]
    assert worst <= TOLERANCE + 3 * SAMPLE_RATE * abs(skew) + FRAME_SAMPLES
    assert bytes(left).count(speech(1)) == spoken


def test_what_a_stall_of_the_network_put_in_is_taken_out_to_the_last_sample() -> None:
    line, now = StereoLine(0.0), 0.0
    for _ in range(300):
        now += FRAME_SECONDS
        line.caller(speech(480), now)
    line.caller(bytes(2 * 2500), now)
    for _ in range(20):
        now += FRAME_SECONDS
        line.caller(quiet(480), now)
    assert line.end == line.position(now)
    line.caller(speech(480, 9), now + FRAME_SECONDS)
    left, _ = line.take(line.end)
    assert first(left, 9) == line.position(now)


def test_a_caller_who_comes_late_lies_where_it_came() -> None:
    line = StereoLine(0.0)
    line.caller(speech(480), 0.25)
    left, _ = line.take(line.end)
    assert first(left, 3000) == SAMPLE_RATE // 4 - 480


def test_a_hold_is_as_long_as_it_was() -> None:
    line = StereoLine(0.0)
    line.caller(speech(480), 0.02)
    line.take(line.position(60.0) - HOLD)
    line.caller(speech(480), 60.02)
    line.agent(speech(480), 60.0, fresh=True)
    start = line.taken
    left, right = line.take(line.end)
    assert first(left, 3000) == first(right, 3000) == 60 * SAMPLE_RATE - start


def test_a_burst_after_a_stall_of_the_network_goes_on_where_it_stopped() -> None:
    line = StereoLine(0.0)
    line.caller(speech(480, 1), 0.02)
    for mark in range(2, 12):
        line.caller(speech(480, mark), 0.22)
    left, _ = line.take(line.end)
    assert left == b"".join(speech(480, mark) for mark in range(1, 12))


def test_silence_of_a_starved_window_is_not_taken_for_skew() -> None:
    line = StereoLine(0.0)
    now = 0.0
    for _ in range(1000):
        now += FRAME_SECONDS
        line.caller(speech(480) if now < 1 else bytes(960), now + (0.2 if now > 1 else 0))
    assert line.end == round(now * SAMPLE_RATE)


def test_what_a_buffering_caller_did_not_play_is_taken_back() -> None:
    line = StereoLine(0.0)
    for frame in range(10):
        line.agent(speech(480), 1.0 + frame * 0.02, fresh=frame == 0)
    assert line.agent_recall(480 * 4 + 100) == SAMPLE_RATE + 480 * 6 - 100
    line.agent(speech(480, 9), 2.0, fresh=True)
    _, right = line.take(line.end)
    assert right.count(speech(1)) == 480 * 6 - 100
    assert first(right, 9) == 2 * SAMPLE_RATE


def test_what_was_taken_cannot_be_taken_back() -> None:
    line = StereoLine(0.0)
    line.agent(speech(480), 0.0, fresh=True)
    line.take(400)
    assert line.agent_recall(480) == 400
    assert line.take(100) == (b"", b"")


def test_a_file_sent_at_once_lies_in_its_own_time_and_not_without_end() -> None:
    line = StereoLine(0.0)
    line.take(SAMPLE_RATE)
    for second in range(90):
        line.caller(speech(SAMPLE_RATE, 100 + second), 1.3)
    left, _ = line.take(line.end)
    assert len(left) == 2 * MAX_AHEAD
    assert line.dropped == 90 * SAMPLE_RATE - MAX_AHEAD
    assert left == b"".join(speech(SAMPLE_RATE, 100 + second) for second in range(60))


def test_where_a_sample_of_the_callers_lies() -> None:
    line = StereoLine(0.0)
    line.caller(speech(480), 1.0)
    line.caller(speech(480), 1.02)
    line.caller(speech(480), 5.0)
    assert line.caller_position(0) == SAMPLE_RATE - 480
    assert line.caller_position(700) == SAMPLE_RATE + 220
    assert line.caller_position(960) == 5 * SAMPLE_RATE - 480
    assert line.caller_position(1200) == 5 * SAMPLE_RATE - 240


steps = st.lists(
    st.tuples(
        st.sampled_from(["caller", "agent", "recall", "take"]),
        st.integers(0, 3 * LIVE_PIECE),
        st.floats(0, 2),
        st.booleans(),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_whatever_comes_both_sides_are_as_long_and_nothing_taken_changes(
    steps: list[tuple[str, int, float, bool]],
) -> None:
    line, now, taken = StereoLine(0.0), 0.0, 0
    for kind, samples, passed, flag in steps:
        now += passed
        match kind:
            case "caller":
                line.caller(quiet(samples & ~1) if flag else speech(samples), now)
            case "agent":
                line.agent(speech(samples), now, fresh=flag)
            case "recall":
                line.agent_recall(samples)
            case _:
                left, right = line.take(line.position(now) - HOLD)
                assert len(left) == len(right)
                taken += len(left) // 2
                assert line.taken == taken
    assert line.end <= line.position(now) + PAUSE + sum(s for _, s, _, _ in steps)
