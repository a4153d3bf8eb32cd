import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from client.python.levels import Samples, level_dbfs
from client.python.wav import AudioFileError, read_wav, write_wav
from tests.client.tones import silence, tone


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 24_000, 44_100])
def test_any_rate_and_channels_become_mono(tmp_path: Path, rate: int, channels: int) -> None:
    file = tmp_path / "a.wav"
    write_wav(file, [tone(0.3, rate)] * channels, rate)
    read = read_wav(file, 24_000)
    assert len(read) == pytest.approx(0.3 * 24_000, abs=2)
    assert level_dbfs(read) == pytest.approx(level_dbfs(tone(0.3, rate)), abs=0.2)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_any_width_becomes_16_bits(tmp_path: Path, width: int) -> None:
    file = tmp_path / "a.wav"
    values = [0, 256, -256, 32512, -32768]
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(width)
        writer.setframerate(8000)
        writer.writeframes(b"".join(_packed(value, width) for value in values))
    assert read_wav(file, 8000).tolist() == values


def test_channels_are_mixed_not_picked(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    left = tone(0.1, 8000)
    write_wav(file, [left, -left], 8000)
    assert not read_wav(file, 8000).any()


def test_shorter_channels_end_in_silence(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    write_wav(file, [tone(0.1, 8000), silence(0.2, 8000)], 8000)
    with wave.open(str(file), "rb") as reader:
        assert (reader.getnchannels(), reader.getnframes()) == (2, 1600)
        data = np.frombuffer(reader.readframes(1600), dtype="<i2").reshape(-1, 2)
    assert np.array_equal(data[:800, 0], tone(0.1, 8000))
    assert not data[800:].any()
    assert not data[:, 1].any()


def test_a_cut_off_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    write_wav(file, [tone(0.1, 8000)] * 2, 8000)
    file.write_bytes(file.read_bytes()[:-3])
    assert len(read_wav(file, 8000)) == 799


@pytest.mark.parametrize(
    "content", [b"", b"not audio", b"RIFF\x04\x00\x00\x00WAVE", b"RIFF\x24\x00\x00\x00WAVEfmt "]
)
def test_what_is_no_wav_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.wav"
    file.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"broken\.wav is not a PCM WAV file"):
        read_wav(file, 24_000)


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"cannot read .*none\.wav: No such file"):
        read_wav(tmp_path / "none.wav", 24_000)
    empty: Samples = silence(0, 8000)
    with pytest.raises(AudioFileError, match=r"cannot write .*: No such file"):
        write_wav(tmp_path / "no" / "such.wav", [empty], 24_000)


def _packed(value: int, width: int) -> bytes:
    if width == 1:
        return bytes([(value >> 8) + 128])
    return struct.pack("<i", value << 16)[4 - width :]
