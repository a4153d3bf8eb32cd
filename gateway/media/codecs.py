"""The codecs that a leg can speak.

Opus needs nothing but libopus. The telephone's codecs bring numpy with them, so they are loaded by
the first call that speaks one.
"""

from __future__ import annotations

from typing import Final

from gateway.core.rtp import opus_duration
from gateway.media.codec import AudioCodec, Decoder, Encoder
from gateway.media.opus import OpusDecoder, OpusEncoder, has_fec

TELEPHONE_CLOCK: Final = 8_000
"""Hz. G.722 samples at 16 kHz, and counts RTP time at 8 kHz all the same (RFC 3551 §4.5.2)."""

MAX_TELEPHONE_BYTES: Final = 960
"""120 ms: all three send 8 bytes a millisecond."""


def _telephone_duration(payload: bytes) -> int:
    return len(payload) if len(payload) <= MAX_TELEPHONE_BYTES else 0


def _no_fec(payload: bytes) -> bool:
    return False


def _pcmu_decoder() -> Decoder:
    from gateway.media.g711 import MU_LAW, G711Decoder

    return G711Decoder(MU_LAW)


def _pcmu_encoder() -> Encoder:
    from gateway.media.g711 import MU_LAW, G711Encoder

    return G711Encoder(MU_LAW)


def _pcma_decoder() -> Decoder:
    from gateway.media.g711 import A_LAW, G711Decoder

    return G711Decoder(A_LAW)


def _pcma_encoder() -> Encoder:
    from gateway.media.g711 import A_LAW, G711Encoder

    return G711Encoder(A_LAW)


def _g722_decoder() -> Decoder:
    from gateway.media.g722 import G722Decoder

    return G722Decoder()


def _g722_encoder() -> Encoder:
    from gateway.media.g722 import G722Encoder

    return G722Encoder()


OPUS: Final = AudioCodec("opus", 48_000, opus_duration, has_fec, OpusDecoder, OpusEncoder)
"""Opus counts RTP time at 48 kHz whatever it is coded at (RFC 7587 §4.1)."""

CODECS: Final = {
    codec.name: codec
    for codec in (
        OPUS,
        AudioCodec(
            "g722", TELEPHONE_CLOCK, _telephone_duration, _no_fec, _g722_decoder, _g722_encoder
        ),
        AudioCodec(
            "pcmu", TELEPHONE_CLOCK, _telephone_duration, _no_fec, _pcmu_decoder, _pcmu_encoder
        ),
        AudioCodec(
            "pcma", TELEPHONE_CLOCK, _telephone_duration, _no_fec, _pcma_decoder, _pcma_encoder
        ),
    )
}
"""By name; an offer's order decides among them."""
