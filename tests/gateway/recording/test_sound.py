"""Sound files as players read them: whole, cut off in the middle, and with a disk that was full."""

from __future__ import annotations

import errno
import os
import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE
from gateway.recording import files
from gateway.recording.files import Locked
from gateway.recording.sound import SoundFormat, open_sound, repair_wav
from tests.heard_files import decode, loud_seconds, onset

PIECE = SAMPLE_RATE // 2


def tone(seconds: float, hertz: float) -> bytes:
    at = np.arange(round(seconds * SAMPLE_RATE))
    return (9000 * np.sin(2 * np.pi * hertz * at / SAMPLE_RATE)).astype("<i2").tobytes()


def write(
    folder: Path, form: SoundFormat, left: bytes, right: bytes, *, close: bool = True
) -> Path:
    sound = open_sound(folder, form)
    for at in range(0, len(left), 2 * PIECE):
        sound.write(left[at : at + 2 * PIECE], right[at : at + 2 * PIECE])
    (path,) = folder.glob("recording.*")
    as_it_was = path.read_bytes()
    sound.close()
    if not close:
        path.write_bytes(as_it_was)
    return path


@pytest.mark.parametrize("form", ["opus", "wav"])
def test_both_sides_are_heard_where_they_lie_and_nowhere_else(
    tmp_path: Path, form: SoundFormat
) -> None:
    silence = bytes(2 * SAMPLE_RATE)
    samples = 4 * SAMPLE_RATE + 777
    left = (silence + tone(1.0, 440) + silence + silence + bytes(2000))[: 2 * samples]
    right = (silence + silence + silence + tone(1.0, 1000) + bytes(2000))[: 2 * samples]
    path = write(tmp_path, form, left, right)
    heard = decode(path)
    assert heard.shape == (2, samples)
    near = 20 if form == "wav" else 200
    assert onset(heard[0], 0.1) == pytest.approx(SAMPLE_RATE, abs=near)
    assert onset(heard[1], 0.1) == pytest.approx(3 * SAMPLE_RATE, abs=near)
    assert 0.98 < loud_seconds(heard[0]) < 1.04
    assert 0.98 < loud_seconds(heard[1]) < 1.04
    assert np.abs(heard[1][: 2 * SAMPLE_RATE]).max() < 0.001, "nothing of the other side"
    spectrum = np.abs(np.fft.rfft(heard[0][SAMPLE_RATE + 4800 : 2 * SAMPLE_RATE - 4800]))
    assert spectrum.argmax() == round(440 * 14_400 / SAMPLE_RATE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_silence_that_is_not_encoded_sounds_like_silence_that_is(tmp_path: Path) -> None:
    """After it sound begins as if nothing had been left out."""
    gap = bytes(2 * 40 * FRAME_SAMPLES)
    left = tone(0.4, 500) + gap + tone(0.4, 700) + gap
    heard = decode(write(tmp_path, "opus", left, bytes(len(left))))
    said = np.frombuffer(left, "<i2") / 32768
    rest = heard[0][round(0.45 * SAMPLE_RATE) : round(1.19 * SAMPLE_RATE)]
    assert np.abs(rest).max() < 0.003
    start = round(1.2 * SAMPLE_RATE)
    again = heard[0][start + 480 : start + 480 + 4800]
    was = said[start + 480 : start + 480 + 4800]
    assert np.corrcoef(again, was)[0, 1] > 0.99


@pytest.mark.parametrize("form", ["opus", "wav"])
def test_cut_off_at_any_byte_it_plays_to_there(tmp_path: Path, form: SoundFormat) -> None:
    left = tone(5.0, 440)
    path = write(tmp_path, form, left, left, close=False)
    whole = path.read_bytes()
    for share in (1.0, 0.83, 0.51):
        path.write_bytes(whole[: int(len(whole) * share)])
        seconds = decode(path).shape[1] / SAMPLE_RATE
        assert 5.0 * share - 0.6 <= seconds <= 5.0 * share + 0.1
    path.unlink()


def test_a_wav_is_right_after_every_write_and_after_a_repair(tmp_path: Path) -> None:
    left = tone(1.0, 440)
    path = write(tmp_path, "wav", left, left, close=False)
    with wave.open(str(path)) as reader:
        assert reader.getnframes() == SAMPLE_RATE
    torn = path.with_name("torn.wav")
    torn.write_bytes(path.read_bytes() + b"\1\2\3\4\5\6\7")
    repair_wav(torn)
    with wave.open(str(torn)) as reader:
        assert reader.getnframes() == SAMPLE_RATE + 1


@pytest.mark.parametrize("form", ["opus", "wav"])
def test_what_a_full_disk_did_not_take_is_silence_and_what_follows_is_in_place(
    tmp_path: Path, form: SoundFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = open_sound(tmp_path, form)
    real, full = os.pwrite, False

    def pwrite(file: int, data: bytes, offset: int) -> int:
        if not full:
            return real(file, data, offset)
        if len(data) > 100:
            return real(file, data[:100], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "pwrite", pwrite)
    quiet = bytes(2 * PIECE)
    for piece in range(10):
        full = 2 <= piece < 6
        said = tone(0.5, 440) if piece in (0, 3, 8) else quiet
        if full:
            with pytest.raises(OSError, match="space"):
                sound.write(said, quiet)
        else:
            sound.write(said, quiet)
    sound.close()
    assert sound.lost == 4 * PIECE
    (path,) = tmp_path.glob("recording.*")
    heard = decode(path)
    assert heard.shape == (2, 10 * PIECE)
    assert loud_seconds(heard[0]) == pytest.approx(1.0, abs=0.06)
    assert onset(heard[0][2 * PIECE :], 0.1) == pytest.approx(6 * PIECE, abs=200)


def test_two_cannot_write_one_file(tmp_path: Path) -> None:
    sound = open_sound(tmp_path, "wav")
    with pytest.raises(Locked):
        open_sound(tmp_path, "wav")
    sound.close()
