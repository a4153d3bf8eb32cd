"""Audio of a client that sends and takes it in events, base64 of PCM16 at 24 kHz or of G.711."""

from __future__ import annotations

import binascii
from typing import Any, Final

from gateway.core.media_time import SAMPLE_RATE
from gateway.media.raw_pcm import SAMPLE_BYTES, resampler

PCM: Final = "audio/pcm"
FORMATS: Final = (PCM, "audio/pcmu", "audio/pcma")
"""Realtime audio formats, by their names in the protocol."""

_PHONE_RATE: Final = 8_000


class SocketAudio:
    """Both ways of one client; each in its own format."""

    def __init__(self) -> None:
        self.input = self.output = PCM
        self._up: _Expander | None = None
        self._down: _Compressor | None = None
        self._half = b""

    def configure(self, *, heard: str | None = None, spoken: str | None = None) -> None:
        """Change the format of what the client sends, or gets; None: it stays.

        :raises ValueError: there is no such format.
        """
        for name in (heard, spoken):
            if name is not None and name not in FORMATS:
                raise ValueError(f"expected one of {', '.join(FORMATS)}")
        if heard is not None and heard != self.input:
            self.input = heard
            self._up = None if heard == PCM else _Expander(heard)
        if spoken is not None and spoken != self.output:
            self.output = spoken
            self._down = None if spoken == PCM else _Compressor(spoken)

    def decode(self, text: str) -> bytes:
        """What a client sent, as PCM16 at 24 kHz.

        :raises ValueError: it is not base64, or ends within a sample.
        """
        return self.expand(binascii.a2b_base64(text, strict_mode=True))

    def expand(self, data: bytes) -> bytes:
        """What a client sent, base64 undone, as PCM16 at 24 kHz.

        :raises ValueError: it ends within a sample.
        """
        if not self.is_whole(data):
            raise ValueError("a 16-bit sample has two bytes")
        return data if self._up is None else self._up(data)

    def is_whole(self, data: bytes) -> bool:
        """Whether what a client sent does not end within a sample."""
        return self._up is not None or len(data) % SAMPLE_BYTES == 0

    def encode(self, pcm: bytes) -> str | None:
        """PCM16 at 24 kHz for the client, cut anywhere; None: as it is, that is its format."""
        if self._down is None:
            return None
        pcm = self._half + pcm
        whole = len(pcm) - len(pcm) % SAMPLE_BYTES
        self._half = pcm[whole:]
        return _base64(self._down(pcm[:whole]))

    def flush(self) -> str:
        """What is left of an answer at its end."""
        self._half = b""
        return "" if self._down is None else _base64(self._down.flush())


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _law(name: str) -> Any:
    # Here, so that a gateway whose clients all send PCM does without numpy.
    from gateway.media.g711 import A_LAW, MU_LAW

    return MU_LAW if name == "audio/pcmu" else A_LAW


class _Expander:
    def __init__(self, name: str) -> None:
        self._expanded = _law(name).expanded
        self._resampler = resampler(_PHONE_RATE, SAMPLE_RATE)

    def __call__(self, data: bytes) -> bytes:
        import numpy as np

        assert self._resampler is not None
        samples = self._expanded[np.frombuffer(data, np.uint8)]
        pcm: bytes = self._resampler(samples).astype("<i2", copy=False).tobytes()
        return pcm


class _Compressor:
    def __init__(self, name: str) -> None:
        self._compressed = _law(name).compressed
        self._resampler = resampler(SAMPLE_RATE, _PHONE_RATE)

    def __call__(self, pcm: bytes) -> bytes:
        assert self._resampler is not None
        return self._compress(self._resampler(pcm))

    def flush(self) -> bytes:
        assert self._resampler is not None
        return self._compress(self._resampler.flush())

    def _compress(self, samples: Any) -> bytes:
        import numpy as np

        data: bytes = self._compressed[samples.view(np.uint16)].tobytes()
        return data
