"""The sound of a call as a file of two channels, playable at every moment while it grows.

What cannot be written is lost, but not its time: as soon as the disk takes something again, silence
is put in its place, so that everything after it lies where it belongs.
"""

from __future__ import annotations

import secrets
import struct
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, Literal

import numpy as np

from gateway.core.encoding import EncoderSettings
from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE
from gateway.core.ogg import MAX_SEGMENTS, OPUS_RATE, OggOpusStream, join, segments
from gateway.media.opus import OpusEncoder
from gateway.recording.files import AppendFile

SoundFormat = Literal["opus", "wav"]

SUFFIXES: Final[dict[SoundFormat, str]] = {"opus": "ogg", "wav": "wav"}

SAMPLE_BYTES: Final = 2
FRAME_BYTES: Final = SAMPLE_BYTES * FRAME_SAMPLES
_STEREO_BYTES: Final = 2 * SAMPLE_BYTES
_SILENT_FRAME: Final = bytes(FRAME_BYTES)


class SoundFile(ABC):
    """One call's sound: PCM16 at 24 kHz, the caller left, the agent right."""

    def __init__(self) -> None:
        self.lost = 0
        """Samples that the disk did not take."""

    @abstractmethod
    def write(self, left: bytes, right: bytes) -> None:
        """The next samples, as many on either side, into the file.

        :raises OSError: some are lost, as :attr:`lost` tells; the next ones may be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Make the file whole, and close it.

        :raises OSError: it is closed, but ends before its end.
        """


def open_sound(folder: Path, form: SoundFormat) -> SoundFile:
    """A new file ``recording.ogg`` or ``recording.wav``.

    :raises OSError, Locked: it cannot be made.
    """
    file = AppendFile(folder / f"recording.{SUFFIXES[form]}")
    try:
        return OggOpusFile(file) if form == "opus" else WavFile(file)
    except OSError:
        file.close()
        raise


# -- Opus in Ogg

_SETTINGS: Final = EncoderSettings(bitrate=48_000, speech=False, complexity=0)
"""For each side. CELT, as it costs an eighth of what coding as speech does."""

_RUN_OUT: Final = 5
"""Silent frames after sound that are encoded; then an encoder says the same for ever."""

_PACKET_SAMPLES: Final = FRAME_SAMPLES * OPUS_RATE // SAMPLE_RATE
"""Of 48 kHz, in which Ogg counts."""


class _Side:
    """One channel's encoder. Silence, of which a call is half made, is encoded once."""

    def __init__(self) -> None:
        self.encoder = OpusEncoder(SAMPLE_RATE, _SETTINGS)
        self._silent = 0
        self._silence = b""

    def encode(self, frame: bytes) -> bytes:
        if frame != _SILENT_FRAME:
            self._silent = 0
            return self.encoder.encode(frame)
        self._silent += 1
        if self._silent <= _RUN_OUT:
            self._silence = self.encoder.encode(frame)
        return self._silence


class OggOpusFile(SoundFile):
    """Opus in Ogg: what is written is in whole pages. The sides are coded apart: nothing of one is
    ever heard on the other.
    """

    def __init__(self, file: AppendFile) -> None:
        """:raises OSError: nothing can be written."""
        super().__init__()
        self._file = file
        self._left, self._right = _Side(), _Side()
        self._stream = OggOpusStream(secrets.randbits(32))
        self._pre_skip = self._left.encoder.lookahead * OPUS_RATE // SAMPLE_RATE
        self._rest = (b"", b"")
        self._samples = 0
        self._packets = 0
        self._missing = 0
        self._silence = join(_silent_packet(), _silent_packet())
        file.append(self._stream.headers(self._pre_skip, SAMPLE_RATE, "Talkpath"))

    def write(self, left: bytes, right: bytes) -> None:
        self._samples += len(left) // SAMPLE_BYTES
        if packets := self._encode(left, right):
            self._append(packets)

    def _encode(self, left: bytes, right: bytes) -> list[bytes]:
        """Whole frames; the rest waits for what follows."""
        left, right = self._rest[0] + left, self._rest[1] + right
        whole = len(left) - len(left) % FRAME_BYTES
        self._rest = left[whole:], right[whole:]
        return [
            join(
                self._left.encode(left[at : at + FRAME_BYTES]),
                self._right.encode(right[at : at + FRAME_BYTES]),
            )
            for at in range(0, whole, FRAME_BYTES)
        ]

    def _append(self, packets: list[bytes], *, last: bool = False) -> None:
        missing, self._missing = self._missing, self._missing + len(packets)
        pages, done = [], self._packets
        all_packets = [self._silence] * missing + packets
        for page in _in_pages(all_packets):
            done += len(page)
            if last and done == self._packets + len(all_packets):
                granule = self._pre_skip + self._samples * OPUS_RATE // SAMPLE_RATE
                pages.append(self._stream.last_page(page, granule))
            else:
                pages.append(self._stream.page(page, done * _PACKET_SAMPLES))
        try:
            self._file.append(b"".join(pages))
        except OSError:
            self.lost += FRAME_SAMPLES * len(packets)
            raise
        self._packets, self._missing = done, 0

    def close(self) -> None:
        try:
            left_over = len(self._rest[0]) // SAMPLE_BYTES + self._left.encoder.lookahead
            frames = -(-left_over // FRAME_SAMPLES)
            missing = bytes(frames * FRAME_BYTES - len(self._rest[0]))
            self._append(self._encode(missing, missing), last=True)
        finally:
            self._file.close()
            self._left.encoder.close()
            self._right.encoder.close()


def _in_pages(packets: list[bytes]) -> list[list[bytes]]:
    pages: list[list[bytes]] = [[]]
    room = MAX_SEGMENTS
    for packet in packets:
        if segments(packet) > room:
            pages.append([])
            room = MAX_SEGMENTS
        pages[-1].append(packet)
        room -= segments(packet)
    return pages


def _silent_packet() -> bytes:
    side = _Side()
    packets = [side.encode(_SILENT_FRAME) for _ in range(_RUN_OUT)]
    side.encoder.close()
    return packets[-1]


# -- WAV

WAV_HEADER: Final = 44
_MOST: Final = 0xFFFFFFFF
"""Bytes that a header can tell of: twelve hours."""


class WavFile(SoundFile):
    """PCM16 in WAV. Its header is right after every write."""

    def __init__(self, file: AppendFile) -> None:
        """:raises OSError: nothing can be written."""
        super().__init__()
        self._file = file
        self._end = WAV_HEADER
        file.append(wav_header(0))

    def write(self, left: bytes, right: bytes) -> None:
        samples = len(left) // SAMPLE_BYTES
        stereo = np.empty((samples, 2), "<i2")
        stereo[:, 0] = np.frombuffer(left, "<i2")
        stereo[:, 1] = np.frombuffer(right, "<i2")
        at, self._end = self._end, self._end + _STEREO_BYTES * samples
        try:
            # Where nothing was written there are zeros: silence.
            self._file.put(at, stereo.tobytes())
        except OSError:
            self.lost += samples
            raise
        self._file.size = self._end
        self._tell_size()

    def _tell_size(self) -> None:
        self._file.put(0, wav_header(self._file.size - WAV_HEADER))

    def close(self) -> None:
        try:
            if self._end > self._file.size:
                self._file.truncate(self._end)
                self._tell_size()
        finally:
            self._file.close()


def wav_header(size: int) -> bytes:
    """:param size: bytes of samples."""
    rate, frame = SAMPLE_RATE, _STEREO_BYTES
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, rate, rate * frame, frame, 16)
    whole = min(size + WAV_HEADER - 8, _MOST)
    return (
        struct.pack("<4sI4s", b"RIFF", whole, b"WAVE")
        + form
        + struct.pack("<4sI", b"data", min(size, _MOST))
    )


def repair_wav(path: Path) -> None:
    """After a crash: let the header tell of all that is there.

    :raises OSError, Locked: it stays as it is.
    """
    file = AppendFile(path)
    try:
        if file.size > WAV_HEADER:
            size = (file.size - WAV_HEADER) // _STEREO_BYTES * _STEREO_BYTES
            file.truncate(WAV_HEADER + size)
            file.put(0, wav_header(size))
    finally:
        file.close()
