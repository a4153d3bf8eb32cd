"""Opus (RFC 6716) at the gateway's own rate: one mono stream, with loss concealment.

libopus codes at 24 kHz itself, so nothing is resampled between a packet and a model. A decoder
and an encoder hold the state of *one* stream each: never share one, never make one per frame. They
are not thread-safe; a call takes tens of microseconds and belongs on the event loop.
"""

from __future__ import annotations

import ctypes
import weakref
from typing import Final

from gateway.core.encoding import EncoderSettings
from gateway.core.media_time import SAMPLE_RATE
from gateway.media import libopus
from gateway.media.codec import CodecError
from gateway.media.libopus import OpusUnavailable

__all__ = ["OpusDecoder", "OpusEncoder", "OpusError", "OpusUnavailable", "has_fec"]

SAMPLE_BYTES: Final = 2
MAX_PACKET_MS: Final = 120
FRAME_MS: Final = (10, 20, 40, 60)

SAMPLE_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Hz that libopus codes at."""

DEFAULT_SETTINGS: Final = EncoderSettings()

_FIRST_CELT_TOC: Final = 0x80


class OpusError(CodecError):
    """libopus refused a packet or a setting, or the codec is closed."""


def has_fec(payload: bytes) -> bool:
    """Whether a packet carries the frame before it (LBRR, RFC 6716 §2.1.7).

    libopus before 1.5 cannot tell: then every packet that is not CELT may.
    """
    if not payload:
        return False
    flag = libopus.load().packet_has_lbrr
    if flag is None:
        return payload[0] < _FIRST_CELT_TOC
    return bool(flag(payload, len(payload)) > 0)


class OpusDecoder:
    """Decodes one stream, of any Opus mode, to PCM16 mono.

    :param sample_rate: Hz of the output, one of :data:`SAMPLE_RATES`.
    :raises ValueError: another rate.
    :raises OpusUnavailable: there is no libopus.
    """

    __slots__ = (
        "__weakref__",
        "_address",
        "_decode",
        "_destroy",
        "_granule",
        "_most",
        "_pcm",
        "_state",
    )

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        _check_rate(sample_rate)
        library = libopus.load()
        self._state: int | None = library.decoder_create(sample_rate, 1, None)
        if not self._state:
            raise MemoryError("opus_decoder_create")
        self._destroy = weakref.finalize(self, library.decoder_destroy, self._state)
        self._decode = library.decode
        self._most = sample_rate * MAX_PACKET_MS // 1000
        # Concealment comes in steps of 2.5 ms.
        self._granule = sample_rate // 400
        buffer = ctypes.create_string_buffer(self._most * SAMPLE_BYTES)
        self._pcm = memoryview(buffer)
        self._address = ctypes.addressof(buffer)

    def decode(self, payload: bytes) -> bytes:
        """The PCM of one packet: 2.5 to 120 ms.

        :raises OpusError: the packet is empty or malformed; the decoder can go on.
        """
        if not payload:
            # To libopus an empty packet means concealment.
            raise OpusError("empty packet")
        return self._run(payload, self._most, 0)

    def recover(self, next_payload: bytes, samples: int) -> bytes:
        """The PCM of the ``samples`` just before ``next_payload``, from the FEC inside it.

        What its FEC does not cover, or all of it when there is none, is concealed.

        :param samples: 0 to 120 ms.
        :raises OpusError: the packet is empty or malformed.
        """
        if not next_payload:
            raise OpusError("empty packet")
        size = self._in_granules(samples)
        return self._run(next_payload, size, 1)[(size - samples) * SAMPLE_BYTES :] if size else b""

    def conceal(self, samples: int) -> bytes:
        """``samples`` (0 to 120 ms) that continue what was decoded last, fading into noise."""
        size = self._in_granules(samples)
        return self._run(None, size, 0)[: samples * SAMPLE_BYTES] if size else b""

    def close(self) -> None:
        """Free the native memory; done at the latest when the decoder is collected."""
        self._state = None
        self._destroy()

    def _in_granules(self, samples: int) -> int:
        if not 0 <= samples <= self._most:
            raise ValueError(f"{samples} samples to conceal; 0 to {self._most} can be")
        return -(-samples // self._granule) * self._granule

    def _run(self, payload: bytes | None, size: int, fec: int) -> bytes:
        if self._state is None:
            raise OpusError("decoder is closed")
        length = len(payload) if payload is not None else 0
        count: int = self._decode(self._state, payload, length, self._address, size, fec)
        if count < 0:
            raise OpusError(libopus.load().describe(count))
        return bytes(self._pcm[: count * SAMPLE_BYTES])


class OpusEncoder:
    """Encodes one stream of PCM16 mono, in frames of :data:`FRAME_MS`.

    One encoder serves all settings. libopus passes from CELT to speech coding and back without a
    gap or a click; between two encoders there would be both (``docs/opus.md``).

    :param sample_rate: Hz of the input, one of :data:`SAMPLE_RATES`.
    :raises ValueError: another rate.
    :raises OpusError: a setting out of range.
    :raises OpusUnavailable: there is no libopus.
    """

    __slots__ = (
        "__weakref__",
        "_address",
        "_destroy",
        "_encode",
        "_packet",
        "_settings",
        "_sizes",
        "_state",
    )

    def __init__(
        self,
        sample_rate: int = SAMPLE_RATE,
        settings: EncoderSettings = DEFAULT_SETTINGS,
    ) -> None:
        _check_rate(sample_rate)
        library = libopus.load()
        self._state: int | None = library.encoder_create(
            sample_rate, 1, libopus.APPLICATION_AUDIO, None
        )
        if not self._state:
            raise MemoryError("opus_encoder_create")
        self._destroy = weakref.finalize(self, library.encoder_destroy, self._state)
        self._encode = library.encode
        frames = (sample_rate * ms // 1000 for ms in FRAME_MS)
        self._sizes = {samples * SAMPLE_BYTES: samples for samples in frames}
        buffer = ctypes.create_string_buffer(libopus.MAX_FRAME_BYTES)
        self._packet = memoryview(buffer)
        self._address = ctypes.addressof(buffer)
        self.settings = settings

    @property
    def settings(self) -> EncoderSettings:
        """Of the next packet; may be set at any time.

        :raises OpusError: one is out of range; those before it are in force.
        """
        return self._settings

    @settings.setter
    def settings(self, settings: EncoderSettings) -> None:
        # The hint decides the mode for any bitrate that is used, and with it the cost.
        signal = libopus.SIGNAL_VOICE if settings.speech else libopus.SIGNAL_MUSIC
        self._request(libopus.SET_SIGNAL, signal)
        self._request(libopus.SET_COMPLEXITY, settings.complexity)
        self._request(libopus.SET_BITRATE, settings.bitrate)
        self._request(libopus.SET_INBAND_FEC, int(settings.fec))
        self._request(libopus.SET_PACKET_LOSS_PERC, settings.expected_loss)
        self._request(libopus.SET_VBR, int(not settings.constant_bitrate))
        self._request(libopus.SET_MAX_BANDWIDTH, _bandwidth(settings.playback_rate))
        self._settings = settings

    @property
    def lookahead(self) -> int:
        """Samples by which what is decoded lies behind what was encoded (RFC 7845 §4.2).

        :raises OpusError: the encoder is closed.
        """
        count = ctypes.c_int()
        self._ask(libopus.GET_LOOKAHEAD, ctypes.byref(count))
        return count.value

    def encode(self, pcm: bytes) -> bytes:
        """One packet of one frame.

        :raises ValueError: ``pcm`` is not exactly 10, 20, 40 or 60 ms.
        :raises OpusError: the encoder is closed.
        """
        samples = self._sizes.get(len(pcm))
        if samples is None:
            likely = list(self._sizes)[FRAME_MS.index(20)]
            raise ValueError(f"a frame of {len(pcm)} bytes; {likely} are 20 ms")
        if self._state is None:
            raise OpusError("encoder is closed")
        count: int = self._encode(self._state, pcm, samples, self._address, libopus.MAX_FRAME_BYTES)
        if count < 0:
            raise OpusError(libopus.load().describe(count))
        return bytes(self._packet[:count])

    def close(self) -> None:
        """Free the native memory; done at the latest when the encoder is collected."""
        self._state = None
        self._destroy()

    def _request(self, request: int, value: int) -> None:
        self._ask(request, ctypes.c_int(value), f" with {value}")

    def _ask(self, request: int, value: object, words: str = "") -> None:
        if self._state is None:
            raise OpusError("encoder is closed")
        code: int = libopus.load().encoder_ctl(self._state, request, value)
        if code < 0:
            raise OpusError(f"request {request}{words}: {libopus.load().describe(code)}")


def _check_rate(sample_rate: int) -> None:
    if sample_rate not in SAMPLE_RATES:
        raise ValueError(f"{sample_rate} Hz; Opus codes at {', '.join(map(str, SAMPLE_RATES))}")


def _bandwidth(playback_rate: int) -> int:
    """The narrowest that holds all a listener renders."""
    rates = libopus.BANDWIDTHS
    return next((rates[rate] for rate in rates if rate >= playback_rate), rates[48_000])
