import numpy as np

from client.python.bench.probes import LOUD, SPEECH_PEAK, peak
from client.python.bench.speech import as_speech, synthesise
from client.python.levels import frame_levels

RATE = 24_000


def test_speech_is_the_same_each_time_and_of_the_asked_length() -> None:
    first, second = synthesise(2.0, RATE), synthesise(2.0, RATE)
    assert len(first) == 2 * RATE
    assert np.array_equal(first, second)
    assert not np.array_equal(first, synthesise(2.0, RATE, seed=2))


def test_speech_stays_under_a_probe_and_has_pauses() -> None:
    speech = synthesise(8.0, RATE)
    assert peak(np.abs(speech)) == SPEECH_PEAK < LOUD
    silent = np.mean(frame_levels(speech, 480) < -50)
    assert 0.05 < silent < 0.4


def test_any_recording_is_brought_to_the_level_of_speech() -> None:
    assert peak(np.abs(as_speech(np.array([3, -30, 7], dtype=np.int16)))) == SPEECH_PEAK
    assert not as_speech(np.zeros(4, dtype=np.int16)).any()
