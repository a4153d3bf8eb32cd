import importlib.util

import numpy as np
import pytest

from gateway.local_model.asr import Recogniser
from gateway.local_model.audio import AudioFormat
from gateway.local_model.engine import Engine, load_engine
from gateway.local_model.speech import Speech
from gateway.local_model.tts import Voice
from gateway.local_model.utterance import Piece
from gateway.local_model.weights import ModelUnavailable
from tests import speech


@pytest.fixture
def engine(recogniser: Recogniser, spoken: Voice) -> Engine:
    return Engine(recogniser, spoken)


def test_audio_becomes_text(engine: Engine) -> None:
    piece = Piece(speech.read_wav(speech.JFK, 16_000)[: 3 * 16_000])
    engine.run(piece)
    assert piece.text is not None
    assert "fellow Americans" in piece.text


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_text_becomes_audio_of_any_format(engine: Engine, audio_format: AudioFormat) -> None:
    work = Speech("Good morning.", 1.0, audio_format)
    engine.run(work)
    assert work.audio is not None
    samples = audio_format.decode(work.audio)
    assert len(samples) / audio_format.rate == pytest.approx(1.0, abs=0.5)
    assert np.abs(samples).max() > 3_000


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match="is not installed"):
        load_engine()
