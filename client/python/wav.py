"""WAV files in and out."""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from client.python.levels import Samples
from client.python.rate import convert_rate


class AudioFileError(Exception):
    """A file that is no WAV this client can play; the text says which and why."""


def read_wav(path: Path, rate: int) -> Samples:
    """The file as PCM16 mono at `rate` Hz: any PCM width, any rate, channels mixed down.

    Raises `AudioFileError`.
    """
    try:
        with wave.open(str(path), "rb") as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            source = file.getframerate()
            data = file.readframes(file.getnframes())
    except OSError as exc:
        raise AudioFileError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except (wave.Error, EOFError) as exc:
        raise AudioFileError(f"{path} is not a PCM WAV file: {exc}") from exc
    whole = len(data) - len(data) % (width * channels)
    # PCM16's span, so that 24 bits keep their low byte until the channels are mixed.
    wide = _widened(data[:whole], width).reshape(-1, channels).mean(axis=1)
    return convert_rate(np.clip(np.rint(wide), -32768, 32767).astype(np.int16), source, rate)


def write_wav(path: Path, channels: Sequence[Samples], rate: int) -> None:
    """One PCM16 channel for each of `channels`; the shorter ones end in silence.

    Raises `AudioFileError`.
    """
    interleaved = np.zeros((max(map(len, channels)), len(channels)), dtype="<i2")
    for column, samples in enumerate(channels):
        interleaved[: len(samples), column] = samples
    try:
        with path.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(len(channels))
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(interleaved.tobytes())
    except OSError as exc:
        raise AudioFileError(f"cannot write {path}: {exc.strerror or exc}") from exc


def _widened(data: bytes, width: int) -> NDArray[np.float64]:
    """Samples of `width` bytes as floats of PCM16's span (8-bit WAV is unsigned)."""
    if width == 1:
        return (np.frombuffer(data, dtype=np.uint8).astype(np.float64) - 128.0) * 256.0
    if width == 3:
        # Three bytes become the upper three of four, which keeps the sign.
        padded = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        padded[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
        return padded.reshape(-1).view("<i4").astype(np.float64) / 65536.0
    if width == 4:
        return np.frombuffer(data, dtype="<i4").astype(np.float64) / 65536.0
    return np.frombuffer(data, dtype="<i2").astype(np.float64)
