"""G.722 at 64 kb/s (ITU-T G.722, RFC 3551 §4.5.2): 16 kHz, a byte for two samples. The coding is
FFmpeg's.
"""

from __future__ import annotations

from typing import Final, Literal

import av
import av.error
import numpy as np

from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE
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
        # A plane may be longer than what is in it.
        return np.concatenate(
            [np.frombuffer(memoryview(f.planes[0]), np.int16, f.samples) for f in frames]
        )


class G722Encoder(TelephoneEncoder):
    """Encodes one stream."""

    def __init__(self) -> None:
        super().__init__(RATE)
        self._codec = _open("w")
        self._frame = av.AudioFrame("s16", "mono", RATE * FRAME_SAMPLES // SAMPLE_RATE)
        self._frame.sample_rate = RATE

    def _compress(self, samples: Int16) -> bytes:
        # The same frame each time: the coder is done with it when it has given its packet.
        self._frame.planes[0].update(samples.tobytes())
        return b"".join(bytes(packet) for packet in self._codec.encode(self._frame))


def _open(mode: Literal["r", "w"]) -> av.AudioCodecContext:
    codec = av.CodecContext.create("g722", mode)
    codec.sample_rate = RATE
    codec.layout = "mono"
    if mode == "w":
        codec.format = "s16"
        codec.bit_rate = BIT_RATE
    codec.open()
    return codec
