"""Human speech for tests, and how well it was understood."""

from __future__ import annotations

import re
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gateway.local_model.numerals import in_words
from gateway.media.resample import resample

Samples = npt.NDArray[np.int16]

JFK = Path(__file__).parent / "data" / "jfk.wav"
JFK_WORDS = (
    "And so, my fellow Americans, ask not what your country can do for you, "
    "ask what you can do for your country."
)

_PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPTS = {
    "vm-msgsaved": "Your message has been saved.",
    "conf-onlyperson": "You are currently the only person in this conference.",
    "ss-noservice": (
        "The number you have dialed is not in service. Please check the number and try again."
    ),
    "queue-thankyou": "Thank you for your patience.",
    "vm-goodbye": "Goodbye.",
    "please-try-call-later": "Please try your call again later.",
    "vm-incorrect-mailbox": "Login incorrect. Mailbox number?",
}
"""Human prompts of ``asterisk-core-sounds-en-wav`` and what is said in them."""


def prompt(name: str) -> Path:
    """The file of one of `PROMPTS`; skips the test where Debian's package is not installed."""
    path = _PROMPTS / f"{name}.wav"
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


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation; figures below a hundred and digits in words."""
    plain = text.lower().replace("’", "'").replace("good-bye", "goodbye")
    words = re.findall(r"[a-z]+(?:'[a-z]+)*|\d+", plain)
    spoken: list[str] = []
    for word in words:
        if not word.isdecimal():
            spoken.append(word)
        elif int(word) < 100:
            spoken += in_words(int(word)).split()
        else:
            spoken += [in_words(int(digit)) for digit in word]
    return spoken


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Substituted, missing and added words as a part of the reference's words."""
    expected, heard = words_of(reference), words_of(hypothesis)
    if not expected:
        return float(bool(heard))
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(expected, 1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(heard, 1):
            substituted = diagonal + (word != other)
            diagonal = costs[column]
            costs[column] = min(substituted, costs[column] + 1, costs[column - 1] + 1)
    return costs[-1] / len(expected)
