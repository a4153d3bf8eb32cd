import numpy as np
import pytest

from gateway.local_model.asr import Recogniser
from gateway.local_model.audio import to_waveform
from gateway.local_model.tts import Voice
from gateway.media.resample import resample
from tests import speech

SENTENCE = "The nearest store is next to the railway station."


def test_it_is_understood(spoken: Voice, recogniser: Recogniser) -> None:
    heard = recogniser.transcribe(
        to_waveform(resample(spoken.speak(SENTENCE, 1.0), 24_000, 16_000))
    )
    assert speech.word_error_rate(SENTENCE, heard.text) <= 0.12


def test_it_begins_at_once_and_is_loud_enough(spoken: Voice) -> None:
    samples = spoken.speak(SENTENCE, 1.0).astype(np.float64) / 32_768
    audible = np.flatnonzero(np.abs(samples) > 0.02)
    assert audible[0] < 0.1 * 24_000
    assert len(samples) - audible[-1] < 0.35 * 24_000
    loudness = 20 * np.log10(np.sqrt((samples[audible[0] : audible[-1]] ** 2).mean()))
    assert -26 < loudness < -16
    assert np.abs(samples).max() < 1.0


def test_speed(spoken: Voice) -> None:
    slow, normal, fast = (len(spoken.speak(SENTENCE, speed)) for speed in (0.6, 1.0, 1.5))
    assert slow > normal * 1.2 > normal > fast * 1.2
    assert len(spoken.speak(SENTENCE, 0.25)) == len(spoken.speak(SENTENCE, 0.5))


def test_the_same_words_are_the_same_sound(spoken: Voice) -> None:
    assert (spoken.speak(SENTENCE, 1.0) == spoken.speak(SENTENCE, 1.0)).all()


@pytest.mark.parametrize("text", ["", "…", "   ", "?!", "\x00"])
def test_what_cannot_be_pronounced_is_silent(spoken: Voice, text: str) -> None:
    assert len(spoken.speak(text, 1.0)) < 24_000


@pytest.mark.parametrize(
    "text", ["안녕하세요", "Zürich 東京 ☎", "https://example.org/a?b=c", "a" * 500]
)
def test_anything_can_be_said(spoken: Voice, text: str) -> None:
    assert spoken.speak(text, 1.0).dtype == np.int16
