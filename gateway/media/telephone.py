"""What the telephone's codecs have in common: a low rate on the wire, 24 kHz here, and no loss
concealment of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

import numpy as np
import numpy.typing as npt

from gateway.core.encoding import EncoderSettings
from gateway.core.media_time import FRAME_SAMPLES, PACKET_SAMPLES, SAMPLE_RATE
from gateway.media.codec import CodecError
from gateway.media.concealment import Concealer
from gateway.media.resample import Resampler

Int16 = npt.NDArray[np.int16]

_FRAME_SIZES: Final = frozenset(2 * samples for samples in PACKET_SAMPLES)
"""Bytes."""


class SteadyResampler:
    """A resampler that gives as much as it takes, :attr:`Resampler.delay` late throughout.

    Chunks must have a whole number of output samples.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self._resampler = Resampler(source_rate, target_rate)
        self._lead: Int16 | None = np.zeros(
            round(self._resampler.delay * target_rate), dtype=np.int16
        )

    def __call__(self, pcm: Int16) -> Int16:
        converted = self._resampler(pcm)
        if self._lead is None:
            return converted
        lead, self._lead = self._lead, None
        return np.concatenate((lead, converted))


class TelephoneDecoder(ABC):
    """One stream's packets to PCM16 mono at 24 kHz; what is lost is concealed there.

    :param rate: Hz that the codec samples at.
    """

    def __init__(self, rate: int) -> None:
        self._resample = SteadyResampler(rate, SAMPLE_RATE)
        self._concealer = Concealer()

    @abstractmethod
    def _expand(self, payload: bytes) -> Int16:
        """The samples of a packet, at the codec's rate."""

    def decode(self, payload: bytes) -> bytes:
        """The PCM of one packet.

        :raises CodecError: the packet is empty or malformed.
        """
        if not payload:
            raise CodecError("empty packet")
        return self._concealer.heard(self._resample(self._expand(payload))).tobytes()

    def recover(self, next_payload: bytes, samples: int) -> bytes:
        """There is no FEC: what was lost is concealed."""
        return self.conceal(samples)

    def conceal(self, samples: int) -> bytes:
        """``samples`` that continue what was decoded last, and fade."""
        return self._concealer.conceal(samples).tobytes()

    def close(self) -> None:  # noqa: B027
        """Nothing is held but memory."""


class TelephoneEncoder(ABC):
    """Frames of PCM16 mono at 24 kHz to one stream's packets.

    :param rate: Hz that the codec samples at.
    """

    def __init__(self, rate: int) -> None:
        self.settings = EncoderSettings()
        self._resample = SteadyResampler(SAMPLE_RATE, rate)

    @abstractmethod
    def _compress(self, samples: Int16) -> bytes:
        """The packet of a frame at the codec's rate."""

    def encode(self, pcm: bytes) -> bytes:
        """One packet of one frame.

        :raises ValueError: ``pcm`` is not exactly 10, 20, 30, 40 or 60 ms.
        """
        if len(pcm) not in _FRAME_SIZES:
            raise ValueError(f"a frame of {len(pcm)} bytes; {2 * FRAME_SAMPLES} are 20 ms")
        return self._compress(self._resample(np.frombuffer(pcm, "<i2")))

    def close(self) -> None:  # noqa: B027
        """Nothing is held but memory."""
