"""Human speech for tests, and how well it was understood."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from client.python.bench.prompts import FOLDER, PROMPTS
from client.python.bench.word_errors import word_errors, words_of
from gateway.core.numerals import spelled
from gateway.media.resample import resample

__all__ = [
    "JFK",
    "JFK_WORDS",
    "PROMPTS",
    "Samples",
    "end_of_speech",
    "prompt",
    "read_wav",
    "silence",
    "word_error_rate",
]

Samples = npt.NDArray[np.int16]

JFK = Path(__file__).parent / "data" / "jfk.wav"
JFK_WORDS = (
    "And so, my fellow Americans, ask not what your country can do for you, "
    "ask what you can do for your country."
)


def prompt(name: str) -> Path:
    """The file of one of `PROMPTS`; skips the test where Debian's package is not installed."""
    path = FOLDER / f"{name}.wav"
    if not path.exists():
        pytest.skip("needs Debian's package asterisk-core-sounds-en-wav")
    return path


def read_wav(path: Path, rate: int) -> Samples:
    """A 16-bit WAV file, mixed to mono, at ``rate``."""
    with wave.open(str(path)) as file:
        assert file.getsampwidth() == 2, "16-bit PCM is what the tests ship"
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        mono = frames.reshape(-1, file.getnchannels()).mean(1).astype(np.int16)
        return resample(mono, file.getframerate(), rate)


def silence(seconds: float, rate: int) -> Samples:
    """A quiet line: noise of a few steps, not digital zero."""
    noise = np.random.default_rng(0).normal(0, 3, round(seconds * rate))
    return noise.astype(np.int16)


def end_of_speech(samples: Samples, rate: int) -> float:
    """Seconds until the last 10 ms that are louder than a twentieth of the loudest."""
    window = rate // 100
    blocks = samples[: len(samples) // window * window].astype(np.float64).reshape(-1, window)
    loudness = np.sqrt((blocks**2).mean(1))
    return float(np.flatnonzero(loudness > loudness.max() / 20)[-1] + 1) / 100


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Substituted, missing and added words as a part of the reference's words."""
    expected, heard = (words_of(spelled(text)) for text in (reference, hypothesis))
    if not expected:
        return float(bool(heard))
    return word_errors(expected, heard) / len(expected)
