"""G.711, µ-law and A-law (ITU-T G.711, RFC 3551 §4.5.14): 8 kHz, a byte a sample, by table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gateway.media.telephone import Int16, TelephoneDecoder, TelephoneEncoder

RATE: Final = 8_000

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """One of the two laws.

    :ivar expanded: the sample of each byte.
    :ivar compressed: the byte of each sample, by its 16 bits as an unsigned number.
    """

    expanded: Int16
    compressed: Bytes


class G711Decoder(TelephoneDecoder):
    """Decodes one stream."""

    def __init__(self, law: Law) -> None:
        super().__init__(RATE)
        self._expanded = law.expanded

    def _expand(self, payload: bytes) -> Int16:
        return self._expanded[np.frombuffer(payload, np.uint8)]


class G711Encoder(TelephoneEncoder):
    """Encodes one stream."""

    def __init__(self, law: Law) -> None:
        super().__init__(RATE)
        self._compressed = law.compressed

    def _compress(self, samples: Int16) -> bytes:
        return self._compressed[samples.view(np.uint16)].tobytes()


_MU_BIAS: Final = 132
_A_INVERTED: Final = 0x55
"""A-law sends every other bit inverted."""


def _mu_law() -> Law:
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = ((((code & 15).astype(int) << 3) + _MU_BIAS) << (code >> 4 & 7)) - _MU_BIAS
    return _law(np.where(code & 0x80, -magnitude, magnitude))


def _a_law() -> Law:
    code = np.arange(256, dtype=np.uint8) ^ _A_INVERTED
    exponent, mantissa = (code >> 4 & 7).astype(int), (code & 15).astype(int) << 4
    magnitude = np.where(exponent, (mantissa + 0x108) << np.maximum(exponent - 1, 0), mantissa + 8)
    return _law(np.where(code & 0x80, magnitude, -magnitude))


def _law(expanded: npt.NDArray[np.int_]) -> Law:
    """Every sample is coded as the byte whose own is nearest to it; zero as the positive one,
    which is what silence is on a line.
    """
    order = np.argsort(expanded, kind="stable")
    levels = expanded[order]
    borders = (levels[1:] + levels[:-1]) / 2
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16)
    compressed = order[np.searchsorted(borders, samples, side="right")]
    return Law(expanded.astype(np.int16), compressed.astype(np.uint8))


MU_LAW: Final = _mu_law()
A_LAW: Final = _a_law()
