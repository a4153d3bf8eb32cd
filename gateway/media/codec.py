"""What every codec of a leg offers: packets to PCM16 mono at 24 kHz and back.

A decoder and an encoder hold the state of *one* stream each: never share one, never make one per
frame. They are not thread-safe; a call takes tens of microseconds and belongs on the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.core.encoding import EncoderSettings


class CodecError(Exception):
    """A packet or a setting was refused, or the codec is closed."""


class Decoder(Protocol):
    """One stream's packets to PCM16 mono at 24 kHz."""

    def decode(self, payload: bytes) -> bytes:
        """The PCM of one packet: as many samples as its duration has.

        :raises CodecError: the packet is empty or malformed; the decoder can go on.
        """

    def recover(self, next_payload: bytes, samples: int) -> bytes:
        """The PCM of the ``samples`` just before ``next_payload``, from the FEC inside it.

        :raises CodecError: the packet is empty or malformed.
        """

    def conceal(self, samples: int) -> bytes:
        """``samples`` (0 to 120 ms) that continue what was decoded last, and fade."""

    def close(self) -> None:
        """Free what the decoder holds."""


class Encoder(Protocol):
    """Frames of PCM16 mono at 24 kHz to one stream's packets."""

    settings: EncoderSettings
    """Of the next packet; a codec that has one way to code takes no notice of them."""

    def encode(self, pcm: bytes) -> bytes:
        """One packet of one frame.

        :raises ValueError: ``pcm`` is not exactly 10, 20, 30 (Opus has none), 40 or 60 ms.
        :raises CodecError: the encoder is closed.
        """

    def close(self) -> None:
        """Free what the encoder holds."""


@dataclass(frozen=True, slots=True)
class AudioCodec:
    """A codec, as a stream uses it.

    :ivar name: as in SDP, in lower case.
    :ivar clock_rate: Hz of its RTP timestamps.
    :ivar duration_of: ticks of that clock in a payload; 0: it cannot be decoded.
    :ivar has_fec: whether a payload carries the frame before it.
    """

    name: str
    clock_rate: int
    duration_of: Callable[[bytes], int]
    has_fec: Callable[[bytes], bool]
    decoder: Callable[[], Decoder]
    encoder: Callable[[], Encoder]
