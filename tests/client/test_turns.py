import pytest

from client.python.heard import RATE, HeardAudio
from client.python.turns import Turn, measure_turn
from tests.client.tones import tone


def _heard(*spans: tuple[float, float], without: tuple[float, ...] = ()) -> HeardAudio:
    """A loud frame every 20 ms of each (start, end), but for those at `without`."""
    heard = HeardAudio()
    heard.begin(0.0)
    for start, end in spans:
        for index in range(round((end - start) / 0.02)):
            at = round(start + index * 0.02, 3)
            if at not in without:
                heard.add(tone(0.02, RATE), int(at * RATE), at)
    return heard


def test_latency_is_from_the_end_of_speech_to_the_first_audio() -> None:
    turn = measure_turn(_heard((3.0, 4.0)), 1, 1.0, 2.4)
    assert turn.latency_ms == pytest.approx(600)
    assert turn.answer_start == 3.0
    assert turn.answer_end == pytest.approx(3.98)
    assert turn.level_dbfs == pytest.approx(-15.2, abs=0.2)
    assert turn.longest_gap_ms == pytest.approx(0, abs=1e-6)


def test_no_answer_is_no_latency() -> None:
    assert measure_turn(HeardAudio(), 2, 1.0, 2.0) == Turn(2, 1.0, 2.0)
    assert measure_turn(_heard((0.0, 1.0)), 2, 1.0, 2.0).latency_ms is None


def test_what_is_said_after_the_next_utterance_answers_that() -> None:
    heard = _heard((3.0, 3.5), (9.0, 9.5))
    assert measure_turn(heard, 1, 1.0, 2.0, until=8.0).answer_end == pytest.approx(3.48)
    assert measure_turn(heard, 2, 4.0, 5.0, until=8.0).answer_start is None
    assert measure_turn(heard, 3, 7.0, 8.0).latency_ms == pytest.approx(1000)


def test_an_answer_that_is_talked_over_does_not_answer_what_talks_over_it() -> None:
    turn = measure_turn(_heard((1.0, 2.3), (3.0, 3.5)), 1, 1.5, 2.0)
    assert turn.latency_ms == pytest.approx(1000)


def test_the_longest_gap_is_inside_the_answer() -> None:
    heard = _heard((3.0, 4.0), (9.0, 9.5), without=(3.3, 3.32, 3.34, 3.6))
    assert measure_turn(heard, 1, 1.0, 2.0, until=8.0).longest_gap_ms == pytest.approx(60)
