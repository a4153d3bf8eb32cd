"""Whole files of every kind; what is broken in them: ``tests/hostile_recordings.py``."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.core.events import ErrorCode, GatewayError
from gateway.media.decoded import Decoded
from gateway.media.files import decode_file
from tests.hostile_recordings import adpcm, movie
from tests.recordings import KINDS, VORBIS, encode, recording, tone


def pcm_of(decoded: Decoded) -> bytes:
    return b"".join(decoded.pieces)


def loudest_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2")[2_400:-2_400].astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 24_000 / len(samples))


@pytest.mark.parametrize(
    ("kind", "layout"),
    [*((kind, "mono") for kind in KINDS), *((kind, "stereo") for kind in KINDS | VORBIS)],
)
def test_every_kind_is_understood(kind: str, layout: str) -> None:
    decoded = decode_file(kind.split()[0], recording(kind, layout))
    pcm = pcm_of(decoded)
    assert abs(len(pcm) / 48_000 - 1.0) < 0.06
    assert abs(loudest_hz(pcm) - 440) < 3
    assert 5_000 < np.abs(np.frombuffer(pcm, "<i2")).max() < 14_000
    assert decoded.sample_rate == 48_000
    assert decoded.channels == (1 if layout == "mono" else 2)


@pytest.mark.parametrize(
    ("kind", "rate", "layout"),
    [
        *(("wav", 8_000, "mono"), ("mp3", 22_050, "mono"), ("wav", 44_100, "mono")),
        *((kind, 44_100, "stereo") for kind in ("wav", "mp3", "m4a", "flac", *VORBIS)),
    ],
)
def test_other_rates(kind: str, rate: int, layout: str) -> None:
    decoded = decode_file(kind.split()[0], encode(kind, tone(1.0, rate), rate, layout))
    assert decoded.sample_rate == rate
    assert abs(len(pcm_of(decoded)) / 48_000 - 1.0) < 0.06
    assert abs(loudest_hz(pcm_of(decoded)) - 440) < 3


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac"])
def test_a_file_cut_off_gives_what_came(kind: str) -> None:
    data = recording(kind, "stereo")
    decoded = decode_file(kind.split()[0], data[: len(data) * 2 // 3])
    assert 0.1 < len(pcm_of(decoded)) / 48_000 < 0.9, kind


@pytest.mark.parametrize(
    ("container", "data"),
    [("wav", recording("webm")), ("wav", adpcm()), ("m4a", movie("mpeg4")), ("mp3", b"")],
)
def test_only_what_is_named_is_opened(container: str, data: bytes) -> None:
    with pytest.raises(GatewayError) as refused:
        decode_file(container, data)
    assert refused.value.code is ErrorCode.UNSUPPORTED_FORMAT
    assert container in refused.value.message
