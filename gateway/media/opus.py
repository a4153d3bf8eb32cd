"""Opus (RFC 6716) at the gateway's own rate: one mono stream decoded or encoded, with loss concealment.

libopus codes at 24 kHz itself, so nothing is resampled between a packet and a model. A decoder
and an encoder hold the state of *one* stream each: never share them, or make one per frame. They
are not thread-safe; a call takes some tens of microseconds and belongs on the event loop.
"""

from __future__ import annotations

import ctypes
import weakref
from typing import Final, Literal

from gateway.core.media_time import SAMPLE_RATE
from gateway.media import libopus
from gateway.media.libopus import LibOpus, OpusUnavailable

__all__ = ["OpusDecoder", "OpusEncoder", "OpusError", "OpusUnavailable", "has_fec"]

SAMPLE_BYTES: Final = 2
MAX_PACKET_SECONDS: Final = 0.120

Application = Literal["lowdelay", "voip", "audio"]

_APPLICATIONS: Final[dict[Application, int]] = {
    "lowdelay": libopus.APPLICATION_RESTRICTED_LOWDELAY,
    "voip": libopus.APPLICATION_VOIP,
    "audio": libopus.APPLICATION_AUDIO,
}
_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)


class OpusError(Exception):
    """libopus refused a packet or a setting, or the codec is closed."""


def has_fec(payload: bytes) -> bool:
    """Whether an Opus packet carries the frame before its own (low bit-rate redundancy, LBRR).

    Reads the LBRR flag of the first frame (RFC 6716 §4.2.3). CELT has none.
    """
    if len(payload) < 2:
        return False
    first = payload[0] ...
