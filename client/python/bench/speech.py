"""Something that a speech codec takes for speech: voiced syllables with formants, fricatives and
pauses, made from a seed. Nobody's voice has to be shipped, and every run says the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from client.python.bench.probes import SPEECH_PEAK
from client.python.levels import Samples

Wave = NDArray[np.float64]

# First three formants in Hz (Peterson and Barney, 1952, men).
_VOWELS = (
    (270.0, 2290.0, 3010.0),
    (530.0, 1840.0, 2480.0),
    (730.0, 1090.0, 2440.0),
    (570.0, 840.0, 2410.0),
    (300.0, 870.0, 2240.0),
    (640.0, 1190.0, 2390.0),
)
_BANDWIDTHS = (80.0, 110.0, 160.0)
_TOP_HERTZ = 5_000.0


def synthesise(seconds: float, rate: int, seed: int = 1) -> Samples:
    """PCM16 mono, never louder than `SPEECH_PEAK`; silent about a fifth of the time."""
    random = np.random.default_rng(seed)
    wanted = int(seconds * rate)
    pieces: list[Wave] = []
    length = 0
    while length < wanted:
        phrase = _phrase(random, rate)
        pieces.append(phrase)
        length += len(phrase)
    wave = np.concatenate(pieces)[:wanted]
    # A microphone's noise: digital silence would let the codec rest.
    wave += random.normal(0.0, 0.002, wanted)
    return as_speech(wave)


def as_speech(wave: NDArray[np.floating] | Samples) -> Samples:
    """`wave` at the loudness of speech: its peak at `SPEECH_PEAK`."""
    wide = wave.astype(np.float64)
    peak = float(np.abs(wide).max()) or 1.0
    return np.rint(wide * (SPEECH_PEAK / peak)).astype(np.int16)


def _phrase(random: np.random.Generator, rate: int) -> Wave:
    """Three to eight syllables under one falling melody, and a pause."""
    pitch = random.uniform(95.0, 190.0)
    parts: list[Wave] = []
    for _ in range(int(random.integers(3, 9))):
        if random.random() < 0.5:
            parts.append(_fricative(random, rate))
        parts.append(_syllable(random, rate, pitch))
        pitch *= random.uniform(0.93, 1.03)
    parts.append(np.zeros(int(random.uniform(0.15, 0.4) * rate)))
    return np.concatenate(parts)


def _syllable(random: np.random.Generator, rate: int, pitch: float) -> Wave:
    """A glide from one vowel to another: harmonics under a moving formant envelope."""
    count = int(random.uniform(0.12, 0.26) * rate)
    way = np.linspace(0.0, 1.0, count)
    start, end = (np.array(_VOWELS[i]) for i in random.integers(0, len(_VOWELS), 2))
    hertz = pitch * (1 + 0.06 * np.sin(np.pi * way) + 0.01 * random.standard_normal())
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    wave = np.zeros(count)
    for harmonic in range(1, int(_TOP_HERTZ / pitch)):
        frequency = harmonic * pitch
        before, after = _envelope(frequency, start), _envelope(frequency, end)
        wave += (before + (after - before) * way) / harmonic * np.sin(harmonic * phase)
    return wave * np.sin(np.pi * way) ** 0.5


def _envelope(hertz: float, formants: NDArray[np.float64]) -> float:
    """How strong a vocal tract with these formants lets a frequency through."""
    widths = np.array(_BANDWIDTHS)
    gains = np.array([1.0, 0.6, 0.3])
    return 0.02 + float(np.sum(gains / (1 + ((hertz - formants) / widths) ** 2)))


def _fricative(random: np.random.Generator, rate: int) -> Wave:
    count = int(random.uniform(0.04, 0.09) * rate)
    noise = np.diff(random.standard_normal(count + 1))
    return 0.05 * noise * np.hanning(count)
