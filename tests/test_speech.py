import numpy as np
import pytest

from tests import speech


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [
        ("Hello, world!", "hello world", 0),
        ("Good-bye.", "Goodbye", 0),
        ("fellow Americans", "fellow-Americans", 0),
        ("I'm at gate 42.", "I’m at gate forty two", 0),
        ("call 555", "call five five five", 0),
        ("one two three four", "one three four", 1 / 4),
        ("one two three four", "one two two three four", 1 / 4),
        ("one two three four", "one two tree four", 1 / 4),
        ("one two", "", 1),
        ("", "", 0),
        ("", "noise", 1),
    ],
)
def test_word_error_rate(reference: str, hypothesis: str, errors: float) -> None:
    assert speech.word_error_rate(reference, hypothesis) == errors


def test_read_wav_converts_the_rate() -> None:
    original, converted = speech.read_wav(speech.JFK, 16_000), speech.read_wav(speech.JFK, 24_000)
    assert len(original) == 176_000
    assert len(converted) == 264_000
    assert np.abs(converted).max() == pytest.approx(np.abs(original).max(), rel=0.1)


def test_end_of_speech_ignores_what_follows() -> None:
    voice = np.full(24_000, 5_000, np.int16)
    line = np.concatenate([voice, speech.silence(2, 24_000)])
    assert speech.end_of_speech(line, 24_000) == pytest.approx(1.0, abs=0.01)
