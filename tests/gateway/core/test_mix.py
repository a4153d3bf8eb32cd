"""Two voices on one line, by virtual time."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from gateway.core.mix import LEAD, MAX_KEPT, MAX_LAG, Mix


def sound(value: int, samples: int = FRAME_SAMPLES) -> bytes:
    return struct.pack("<h", value) * samples


def samples_of(frames: list[bytes | None]) -> list[int]:
    line = b"".join(frame or bytes(2 * FRAME_SAMPLES) for frame in frames)
    return list(struct.unpack(f"<{len(line) // 2}h", line))


def taken(mix: Mix, frames: int) -> list[int]:
    return samples_of([mix.take() for _ in range(frames)])


def test_silence_is_none() -> None:
    mix = Mix(7.0)
    assert mix.take() is None
    mix.caller(sound(5), 7.0 + FRAME_SECONDS)
    assert [mix.take() is None for _ in range(5)] == [True, True, True, False, True]


def test_a_voice_is_heard_a_lead_after_it_came() -> None:
    mix = Mix(0.0)
    mix.caller(sound(5), 0.001)
    line = taken(mix, 6)
    first = LEAD + SAMPLE_RATE // 1000
    assert line.index(5) == first
    assert line.count(5) == FRAME_SAMPLES


def test_both_at_once_are_added_and_saturate() -> None:
    mix = Mix(0.0)
    for value, other in ((100, 23), (30_000, 30_000), (-30_000, -30_000)):
        mix.caller(sound(value), 0.0)
        mix.agent(sound(other), 0.0)
    line = taken(mix, 6)[LEAD:]
    assert [line[i * FRAME_SAMPLES] for i in range(3)] == [123, 32_767, -32_768]


def test_who_speaks_after_the_other_is_heard_after_it() -> None:
    mix = Mix(0.0)
    mix.caller(sound(1), 0.0)
    mix.agent(sound(2), 0.1)
    line = taken(mix, 12)
    assert line.index(2) - line.index(1) == SAMPLE_RATE // 10


@given(st.lists(st.floats(0.0, LEAD / SAMPLE_RATE - 0.021), min_size=2, max_size=40))
def test_what_is_late_by_less_than_a_lead_leaves_no_hole(delays: list[float]) -> None:
    """In order, each frame late by less than what is in hand."""
    mix, due = Mix(0.0), []
    arrival = 0.0
    for number, delay in enumerate([0.0, *delays]):
        arrival = max(arrival, number * FRAME_SECONDS + delay)
        due.append(arrival)
    out: list[bytes | None] = []
    for tick in range(len(due) + 8):
        while due and due[0] < (tick + 1) * FRAME_SECONDS:
            mix.caller(sound(9), due.pop(0))
        out.append(mix.take())
    line = samples_of(out)
    heard = line[line.index(9) :][: (len(delays) + 1) * FRAME_SAMPLES]
    assert set(heard) == {9}


def test_a_voice_that_comes_too_fast_catches_up() -> None:
    mix, out = Mix(0.0), []
    for tick in range(400):
        for _ in range(2 if tick % 20 == 0 else 1):
            mix.caller(sound(tick + 1), tick * FRAME_SECONDS)
        out.append(mix.take())
    said = [frame and struct.unpack_from("<h", frame)[0] - 1 for frame in out]
    late = [tick - of for tick, of in enumerate(said) if of is not None]
    assert max(late) <= (LEAD + MAX_LAG) // FRAME_SAMPLES + 1


def test_a_recording_that_came_at_once_is_heard_whole_but_not_for_ever() -> None:
    mix = Mix(0.0)
    mix.caller(sound(3, SAMPLE_RATE), 0.0)
    mix.caller(sound(4, SAMPLE_RATE), 0.0)
    mix.caller(sound(5), 0.0)
    line = taken(mix, 110)
    assert [line.count(value) for value in (3, 4, 5)] == [SAMPLE_RATE, SAMPLE_RATE, FRAME_SAMPLES]
    other = Mix(0.0)
    for _ in range(2):
        other.caller(sound(6, MAX_KEPT), 0.0)
    frames = MAX_KEPT // FRAME_SAMPLES + 10
    assert taken(other, frames).count(6) == MAX_KEPT


def test_what_the_caller_hears_later_is_mixed_later_and_may_be_recalled() -> None:
    mix = Mix(0.0)
    mix.agent(sound(8), 0.0, plays_at=0.2)
    mix.agent(sound(9), 0.0, plays_at=0.22)
    mix.recall(FRAME_SAMPLES)
    line = taken(mix, 20)
    assert line.index(8) == LEAD + SAMPLE_RATE // 5
    assert line.count(9) == 0


def test_after_a_stall_the_line_goes_on_from_now() -> None:
    mix = Mix(0.0)
    mix.caller(sound(1), 0.0)
    mix.skip_to(1.0)
    mix.caller(sound(2), 1.0)
    line = taken(mix, 5)
    assert line.count(1) == 0
    assert line.index(2) == LEAD
