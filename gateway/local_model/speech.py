"""A sentence on its way to sound."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.local_model.audio import AudioFormat


@dataclass(eq=False)
class Speech:
    """A sentence to be synthesised; ``audio`` is None until it was."""

    sentence: str
    speed: float
    format: AudioFormat
    audio: bytes | None = None
    """In `format`."""

    def says(self, sentence: str, speed: float, audio_format: AudioFormat) -> bool:
        """Whether it is this sound."""
        return (self.sentence, self.speed, self.format) == (sentence, speed, audio_format)
