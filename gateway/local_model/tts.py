"""Speech synthesis: one sentence of English to 24 kHz samples."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from gateway.local_model import weights
from gateway.local_model.audio import SPEECH_RATE, Samples, Waveform, to_samples

_GAIN = np.float32(10 ** (5 / 20))
"""The voice comes out 5 dB below what telephones and browsers play at a comfortable level."""

_AUDIBLE = 0.01
_LEAD = SPEECH_RATE * 40 // 1000
_TAIL = SPEECH_RATE * 240 // 1000
"""The model surrounds a sentence with 0.3 s and 0.5 s of silence. The first would be waited for at
every answer; of the second, a pause between sentences is left."""

SLOWEST, FASTEST = 0.5, 1.5
"""Speaking rates the voice can do; the protocol's range begins at 0.25."""


class Voice(Protocol):
    """Text to speech. Implementations may be called from several threads at once."""

    def speak(self, sentence: str, speed: float) -> Samples:
        """One sentence as 24 kHz samples; empty where there is nothing to pronounce."""
        ...


class HibariVoice:
    """The voice "heart" of ``hibari-tts`` (Apache-2.0), American English; about 1 % of real time.

    The same sentence at the same speed is the same samples.
    """

    def __init__(self) -> None:
        """Takes about 1 s, mostly the pronunciation dictionary. Raises `ModelUnavailable`."""
        files = weights.verified(weights.HIBARI)
        import hibari

        self._model: Any = hibari.Hibari(model=str(files["hibari.onnx"]), threads=1)
        # The dictionary and the network for unknown words load at their first use.
        self.speak("Talkpath.", 1.0)

    def speak(self, sentence: str, speed: float) -> Samples:
        """See `Voice.speak`; ``speed`` is clamped to what the voice can do."""
        pace = min(max(speed, SLOWEST), FASTEST)
        return to_samples(_trimmed(self._model(sentence, speed=pace, seed=0)) * _GAIN)


def _trimmed(speech: Waveform) -> Waveform:
    audible = np.flatnonzero(np.abs(speech) > _AUDIBLE)
    if not len(audible):
        return speech[:0]
    return speech[max(0, audible[0] - _LEAD) : audible[-1] + _TAIL]
