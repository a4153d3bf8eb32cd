"""The models of one process, loaded once and shared by all its sessions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from gateway.local_model.asr import Recogniser, load_recogniser
from gateway.local_model.audio import RECOGNITION_RATE, SPEECH_RATE, to_waveform
from gateway.local_model.outputs import Work
from gateway.local_model.speech import Speech
from gateway.local_model.tts import HibariVoice, Voice
from gateway.local_model.vad import earshot_scorer
from gateway.local_model.weights import ModelUnavailable
from gateway.media.resample import resample


@dataclass(frozen=True)
class Engine:
    """Recognition and speech; `run` may be called from several threads at once."""

    recogniser: Recogniser
    voice: Voice

    def run(self, work: Work) -> None:
        """Do ``work`` and put the result into it."""
        if isinstance(work, Speech):
            work.audio = self._synthesise(work)
        else:
            heard = self.recogniser.transcribe(to_waveform(work.samples), work.draft)
            work.tokens, work.text = heard.tokens, heard.text

    def _synthesise(self, speech: Speech) -> bytes:
        samples = self.voice.speak(speech.sentence, speech.speed)
        return speech.format.encode(resample(samples, SPEECH_RATE, speech.format.rate))


def load_engine() -> Engine:
    """Load and warm up everything, in parallel; 1.5 s on two cores.

    Raises `ModelUnavailable` naming the package or file that is missing or wrong.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="load") as pool:
        recogniser = pool.submit(_warm_recogniser)
        voice = pool.submit(_load_voice)
        try:
            earshot_scorer()
        except ImportError as error:
            raise ModelUnavailable(_not_installed("earshot")) from error
        return Engine(recogniser.result(), voice.result())


def _warm_recogniser() -> Recogniser:
    try:
        recogniser = load_recogniser()
    except ImportError as error:
        raise ModelUnavailable(_not_installed("onnxruntime")) from error
    # The first run allocates; no caller should wait for that.
    recogniser.transcribe(np.zeros(RECOGNITION_RATE, np.float32))
    return recogniser


def _load_voice() -> Voice:
    try:
        return HibariVoice()
    except ImportError as error:
        raise ModelUnavailable(_not_installed("onnxruntime")) from error


def _not_installed(package: str) -> str:
    return f"package {package} is not installed (pip install 'talkpath[local]')"
