"""G.722 at 64 kb/s (ITU-T G.722, RFC 3551 §4.5.2): 16 kHz, a byte for two samples. The coding is
FFmpeg's.
"""

from __future__ import annotations

from typing import Final, Literal

import av
import av.error
import numpy as np

from gateway.media.codec import CodecError
from gateway.media.telephone import Int16, TelephoneDecoder, TelephoneEncoder

RATE: Final = 16_000
BIT_RATE: Final = 64_000


class G722Decoder(TelephoneDecoder):
    """Decodes one stream."""

    def __init__(self) -> None:
        super().__init__(RATE)
        self._codec = _open("r")

    def _expand(self, payload: bytes) -> Int16:
        try:
            frames = self._codec.decode(av.Packet(payload))
        except av.error.FFmpegError as error:
            raise CodecError(str(error)) from None
        return np.concatenate([frame.to_ndarray()[0] for frame in frames])


class G722Encoder(TelephoneEncoder):
    """Encodes one stream."""

    def __init__(self) -> None:
        super().__init__(RATE)
        self._codec = _open("w")

    def _compress(self, samples: Int16) -> bytes:
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = RATE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


def _open(mode: Literal["r", "w"]) -> av.AudioCodecContext:
    codec = av.CodecContext.create("g722", mode)
    codec.sample_rate = RATE
    codec.layout = "mono"
    if mode == "w":
        codec.format = "s16"
        codec.bit_rate = BIT_RATE
    codec.open()
    return codec
