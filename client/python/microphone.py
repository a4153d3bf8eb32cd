"""The caller's microphone: PCM played as a WebRTC audio track, in real time.

Frames leave every 20 ms on a deadline counted from the first one, so that neither a late wake-up
nor a long call shifts the pace. Between utterances the frames hold silence, as a microphone's do:
the other end's voice detection needs to hear it.

The track gives encoded Opus packets rather than frames. aiortc sends these as they are; raw frames
it would hand to a pool of threads, which outlive the call.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from client.python.errors import ClientError
from client.python.levels import Samples
from client.python.rate import RateConverter

RATE = 48_000
FRAME = 960
FRAME_SECONDS = FRAME / RATE

_TIME_BASE = Fraction(1, RATE)
_SILENCE: Samples = np.zeros(FRAME, dtype=np.int16)

_MOST_BEHIND_SECONDS = 0.2
"""Frames this late are made up for in a burst; after a longer stall (a suspended process) the
missed time is left out, as a device would, instead of being sent all at once."""

_ENCODER_OPTIONS = {
    "application": "voip",
    # In-band FEC (RFC 6716, 2.1.7), so that the gateway can recover a lost packet from the next.
    "fec": "1",
    "packet_loss": "5",
}
_BIT_RATE = 32_000


@dataclass(frozen=True, slots=True)
class Utterance:
    """When something was said: monotonic seconds at which each 20 ms frame of it was sent."""

    frame_times: tuple[float, ...]

    @property
    def start(self) -> float:
        return self.frame_times[0]

    @property
    def end(self) -> float:
        return self.frame_times[-1]

    def sent_at(self, seconds: float) -> float:
        """When the moment `seconds` into the utterance was sent; clamped to the utterance."""
        index = int(max(seconds, 0.0) * RATE) // FRAME
        return self.frame_times[min(index, len(self.frame_times) - 1)]


class Microphone(MediaStreamTrack):
    """An audio track that says what it is given, and is silent otherwise."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._encoder = _opus_encoder()
        self._next_deadline: float | None = None
        self._position = 0
        self._speech: _Speech | None = None
        self._floor = asyncio.Lock()

    @property
    def speaking(self) -> bool:
        return self._speech is not None

    async def say(self, pcm: Samples | bytes, rate: int = 24_000) -> Utterance:
        """Play PCM16 mono of `rate` Hz; returns when its last sample was sent.

        One utterance at a time: a second `say` waits its turn. Cancelling it stops the playing.
        Raises `ClientError` `closed` if the microphone is stopped, `ValueError` for no samples.
        """
        samples = np.frombuffer(pcm, dtype="<i2") if isinstance(pcm, bytes) else pcm
        if not len(samples):
            raise ValueError("nothing to say: no samples")
        async with self._floor:
            speech = _Speech(await _at_microphone_rate(samples, rate))
            if self.readyState != "live":
                raise _closed()
            self._speech = speech
            try:
                return await speech.said
            finally:
                self._speech = None

    async def recv(self) -> av.Packet[Any]:
        """The next 20 ms, as one Opus packet, when it is due (called by the sender)."""
        return self._encoded(await self.frame())

    async def frame(self) -> Samples:
        """The next 20 ms at 48 kHz, when they are due; they count as sent.

        Raises `MediaStreamError` once the microphone is stopped.
        """
        if self.readyState != "live":
            raise MediaStreamError
        await self._until_due()
        speech = self._speech
        if speech is None:
            return _SILENCE
        samples = speech.next_frame()
        speech.sent(time.monotonic())
        return samples

    def stop(self) -> None:
        super().stop()
        if self._speech is not None and not self._speech.said.done():
            self._speech.said.set_exception(_closed())

    async def _until_due(self) -> None:
        now = time.monotonic()
        due = now if self._next_deadline is None else self._next_deadline
        behind = now - due
        if behind > _MOST_BEHIND_SECONDS:
            missed = int(behind / FRAME_SECONDS)
            self._position += missed * FRAME
            due += missed * FRAME_SECONDS
        self._next_deadline = due + FRAME_SECONDS
        if due > now:
            await asyncio.sleep(due - now)

    def _encoded(self, samples: Samples) -> av.Packet[Any]:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.time_base = _TIME_BASE
        frame.pts = self._position
        (encoded,) = self._encoder.encode(frame)
        packet: av.Packet[Any] = av.Packet(bytes(encoded))
        packet.pts = self._position
        packet.time_base = _TIME_BASE
        self._position += FRAME
        return packet


class _Speech:
    """Samples on their way out. `said` is done when the last of them was sent."""

    def __init__(self, samples: Samples) -> None:
        self.said: asyncio.Future[Utterance] = asyncio.get_running_loop().create_future()
        self._samples = samples
        self._offset = 0
        self._frame_times: list[float] = []

    def next_frame(self) -> Samples:
        """The next 20 ms; the last one is filled up with silence."""
        piece = self._samples[self._offset : self._offset + FRAME]
        self._offset += FRAME
        return np.pad(piece, (0, FRAME - len(piece)))

    def sent(self, now: float) -> None:
        self._frame_times.append(now)
        if self._offset >= len(self._samples) and not self.said.done():
            self.said.set_result(Utterance(tuple(self._frame_times)))


async def _at_microphone_rate(samples: Samples, rate: int) -> Samples:
    """`samples` at 48 kHz, a second of them at a time, so that a long file holds nobody up."""
    if rate == RATE:
        return samples
    converter = RateConverter(rate, RATE)
    converted: list[Samples] = []
    for start in range(0, len(samples), rate):
        converted.append(converter.push(samples[start : start + rate]))
        await asyncio.sleep(0)
    return np.concatenate([*converted, converter.flush()])


def _opus_encoder() -> av.AudioCodecContext:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.bit_rate = _BIT_RATE
    encoder.format = av.AudioFormat("s16")
    encoder.layout = av.AudioLayout("mono")
    encoder.sample_rate = RATE
    encoder.time_base = _TIME_BASE
    encoder.options = dict(_ENCODER_OPTIONS)
    return encoder


def _closed() -> ClientError:
    return ClientError("closed", "the microphone is stopped")
