import numpy as np
import pytest

from gateway.local_model.audio import to_waveform
from gateway.local_model.weights import WHISPER, is_installed, verified
from gateway.local_model.whisper import Whisper, log_mel
from tests import speech


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    pytest.importorskip("ctranslate2", reason="ctranslate2 is not installed on this platform")
    if not is_installed(WHISPER):
        pytest.skip(f"{WHISPER.requirement} is not installed on this platform")
    return Whisper(verified(WHISPER))


def test_human_speech(whisper: Whisper) -> None:
    heard = whisper.transcribe(to_waveform(speech.read_wav(speech.JFK, 16_000)))
    assert speech.word_error_rate(speech.JFK_WORDS, heard.text) <= 0.1


def test_too_little_to_hear(whisper: Whisper) -> None:
    assert whisper.transcribe(np.zeros(1_000, np.float32)).text == ""


@pytest.mark.parametrize(("seconds", "frames"), [(1, 1_000), (9.4, 1_000), (12, 1_250)])
def test_features_are_padded(seconds: float, frames: int) -> None:
    features = log_mel(np.zeros(round(seconds * 16_000), np.float32))
    assert features.shape == (80, frames)


def test_a_tone_is_in_its_band() -> None:
    tone = np.sin(np.arange(16_000) * (2 * np.pi * 1_000 / 16_000)).astype(np.float32)
    band = int(log_mel(tone)[:, 50].argmax())
    # 1 kHz is mel 15 of 42.9 on Slaney's scale: the 28th of 80 bands.
    assert band == pytest.approx(27, abs=1)
