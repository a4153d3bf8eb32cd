import os
from pathlib import Path

import numpy as np
import pytest

from gateway.local_model.asr import Recogniser
from gateway.local_model.audio import to_waveform
from gateway.local_model.moonshine import Moonshine, _read_vocabulary
from tests import speech


@pytest.fixture
def moonshine(recogniser: Recogniser) -> Moonshine:
    if not isinstance(recogniser, Moonshine):
        pytest.skip("moonshine-cpp is not installed on this platform")
    return recogniser


def test_human_speech(moonshine: Moonshine) -> None:
    heard = moonshine.transcribe(to_waveform(speech.read_wav(speech.JFK, 16_000)))
    assert speech.word_error_rate(speech.JFK_WORDS, heard.text) <= 0.1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's list of open files")
def test_nothing_is_kept_for_the_makers_of_its_runtime(moonshine: Moonshine) -> None:
    held = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
    assert not [name for name in held if "onnxruntime" in name]


@pytest.mark.parametrize("seconds", [0, 2, 6])
def test_a_draft_saves_work_and_changes_nothing(moonshine: Moonshine, seconds: int) -> None:
    voice = to_waveform(speech.read_wav(speech.JFK, 16_000)[: 8 * 16_000])
    draft = moonshine.transcribe(voice[: seconds * 16_000]).tokens
    assert moonshine.transcribe(voice, draft) == moonshine.transcribe(voice)


def test_a_wrong_draft_changes_nothing(moonshine: Moonshine) -> None:
    voice = to_waveform(speech.read_wav(speech.JFK, 16_000)[: 3 * 16_000])
    right = moonshine.transcribe(voice)
    assert moonshine.transcribe(voice, [7] * 500) == right
    assert moonshine.transcribe(voice, [*right.tokens, 7, 7]) == right


def test_too_little_to_hear(moonshine: Moonshine) -> None:
    assert moonshine.transcribe(np.zeros(1_000, np.float32)).text == ""


def test_the_vocabulary_file() -> None:
    long_piece = b"x" * 200
    # 200 is written as 128 + 72, then 0 in base 128 above it: 200 = 72 + 1 * 128.
    data = b"\3<s>" + b"\6<0x0A>" + b"\2hi" + bytes([128 + 72, 1]) + long_piece
    assert _read_vocabulary(data) == [b"", b"\n", b"hi", long_piece]
