"""libopus by ctypes, as far as a load generator needs it: what is sent is encoded once, before the
calls; what comes back is decoded at 8 kHz, which is enough to tell tones and silence apart.

The library is the one that PyAV's wheel carries, else the system's.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from collections.abc import Iterator
from importlib import metadata

import numpy as np

from client.python.bench.errors import BenchError
from client.python.levels import Samples

MAX_PACKET_BYTES = 1275
MAX_PACKET_SECONDS = 0.12
LOOK_AHEAD_SECONDS = 0.0065
"""How much later than its packet's start a sample comes out of the decoder (opusenc's 312 samples
at 48 kHz): the beginning of a decoded packet still belongs to the packet before."""

_VOIP = 2048
_SET_BITRATE = 4002
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS_PERC = 4014


@functools.cache
def _library() -> ctypes.CDLL:
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for create in ("opus_encoder_create", "opus_decoder_create"):
            getattr(library, create).restype = ctypes.c_void_p
        number, state = ctypes.c_int, ctypes.c_void_p
        library.opus_decode.argtypes = (state, ctypes.c_char_p, number, state, number, number)
        return library
    raise BenchError("no libopus: reinstall the package 'av', or install the system's library")


def _candidates() -> Iterator[str]:
    for file in metadata.files("av") or ():
        if file.name.startswith("libopus"):
            yield str(file.locate())
    system = ctypes.util.find_library("opus")
    if system:
        yield system


class OpusEncoder:
    """Mono speech as a browser codes it: VOIP mode, 20 ms packets.

    `expected_loss`: percent; above 0 each packet also carries the one before (in-band FEC).
    """

    def __init__(self, rate: int, bit_rate: int, expected_loss: int = 0) -> None:
        self._opus = _library()
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(
            self._opus.opus_encoder_create(rate, 1, _VOIP, ctypes.byref(error))
        )
        if error.value:
            raise BenchError(f"libopus refuses to encode at {rate} Hz")
        self._packet = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        for request, value in (
            (_SET_BITRATE, bit_rate),
            (_SET_COMPLEXITY, 9),
            (_SET_INBAND_FEC, int(expected_loss > 0)),
            (_SET_PACKET_LOSS_PERC, expected_loss),
        ):
            self._opus.opus_encoder_ctl(self._state, request, ctypes.c_int(value))

    def encode(self, frame: Samples) -> bytes:
        """One packet of 20 ms."""
        data = frame.astype("<i2").tobytes()
        size = self._opus.opus_encode(
            self._state, data, len(frame), self._packet, ctypes.c_int(MAX_PACKET_BYTES)
        )
        if size < 0:
            raise BenchError(f"libopus cannot encode {len(frame)} samples ({size})")
        return self._packet.raw[:size]

    def close(self) -> None:
        self._opus.opus_encoder_destroy(self._state)
        self._state = ctypes.c_void_p()


class OpusDecoder:
    """Any Opus packet to PCM16 mono at `rate` Hz."""

    def __init__(self, rate: int) -> None:
        self._decode = _library().opus_decode
        self._destroy = _library().opus_decoder_destroy
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(_library().opus_decoder_create(rate, 1, ctypes.byref(error)))
        if error.value:
            raise BenchError(f"libopus refuses to decode at {rate} Hz")
        self._most = int(rate * MAX_PACKET_SECONDS)
        self._samples: Samples = np.zeros(self._most, dtype=np.int16)
        self._address = self._samples.ctypes.data

    def decode(self, payload: bytes) -> Samples:
        """The packet's samples, in a buffer that the next call overwrites. Empty: no packet of
        Opus."""
        count = self._decode(self._state, payload, len(payload), self._address, self._most, 0)
        return self._samples[: max(count, 0)]

    def close(self) -> None:
        self._destroy(self._state)
        self._state = ctypes.c_void_p()
