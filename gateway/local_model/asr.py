"""Speech recognition: one protocol, and which recogniser runs on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.local_model import weights
from gateway.local_model.audio import Waveform


@dataclass(frozen=True)
class Recognition:
    """What was said; empty where nothing was."""

    text: str
    tokens: tuple[int, ...] = ()
    """The recogniser's own, to be a draft."""


class Recogniser(Protocol):
    """English speech to text. Implementations may be called from several threads at once."""

    @property
    def name(self) -> str:
        """The model's name, for logs."""
        ...

    def transcribe(self, speech: Waveform, draft: Sequence[int] = ()) -> Recognition:
        """Recognise one piece of an utterance, at most about 15 s at 16 kHz.

        ``draft``: the tokens of an earlier recognition of the same speech when there was less of
        it; it may make this faster and never changes the result.
        """
        ...


def load_recogniser() -> Recogniser:
    """The better recogniser where its package is installed, else the portable one.

    Raises `ModelUnavailable`. Takes about 0.7 s and holds about 350 MB (Moonshine).
    """
    if weights.is_installed(weights.MOONSHINE):
        from gateway.local_model.moonshine import Moonshine

        return Moonshine(weights.verified(weights.MOONSHINE))
    from gateway.local_model.whisper import Whisper

    try:
        return Whisper(weights.verified(weights.WHISPER))
    except ImportError as error:
        raise weights.ModelUnavailable(
            "package ctranslate2 is not installed (pip install 'talkpath[local]')"
        ) from error
