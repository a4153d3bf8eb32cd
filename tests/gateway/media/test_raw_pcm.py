from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.raw_pcm import PcmFormat, RawPcm
from gateway.media.resample import resample

NOISE = np.random.default_rng(7).integers(-20_000, 20_000, 9_600).astype("<i2")


def convert(raw: RawPcm, *chunks: bytes) -> bytes:
    return b"".join(piece for chunk in chunks for piece in raw.convert(chunk)) + raw.flush()


def test_what_a_model_takes_passes_as_it_is() -> None:
    assert convert(RawPcm(PcmFormat()), NOISE.tobytes()) == NOISE.tobytes()


def test_stereo_is_mixed_down_without_overflow() -> None:
    stereo = np.array([[32_767, 32_767], [-32_768, -32_768], [1000, 3000], [5, -5]], "<i2")
    mono = np.frombuffer(convert(RawPcm(PcmFormat(24_000, 2)), stereo.tobytes()), "<i2")
    assert mono.tolist() == [32_767, -32_768, 2000, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([8_000, 16_000, 24_000, 44_100, 48_000]),
    st.integers(1, 2),
    st.lists(st.integers(0, 19_200), max_size=12),
)
def test_chunks_cut_anywhere_come_out_as_the_whole(
    rate: int, channels: int, cuts: list[int]
) -> None:
    pcm = NOISE.tobytes()
    edges = [0, *sorted(cuts), len(pcm)]
    chunks = [pcm[a:b] for a, b in itertools.pairwise(edges)]
    mono = np.rint(NOISE.reshape(-1, channels).mean(axis=1)).astype(np.int16)
    expected = resample(mono, rate, 24_000)
    heard = np.frombuffer(convert(RawPcm(PcmFormat(rate, channels)), *chunks), "<i2")
    assert np.array_equal(heard, expected)


def test_a_flush_drops_half_a_sample_and_begins_a_new_stream() -> None:
    raw = RawPcm(PcmFormat())
    assert convert(raw, b"\1") == b""
    assert convert(raw, NOISE.tobytes()) == NOISE.tobytes()


def test_a_long_recording_is_converted_in_short_steps() -> None:
    pieces = list(RawPcm(PcmFormat(48_000, 2)).convert(bytes(4 * 200_000)))
    assert len(pieces) == 7
    assert max(map(len, pieces)) <= 2 * 16_384


@pytest.mark.parametrize(
    ("form", "size", "ms"),
    [(PcmFormat(), 4_800, 100), (PcmFormat(48_000, 2), 1_920, 10), (PcmFormat(8_000, 1), 15, 0)],
)
def test_durations_are_whole_milliseconds(form: PcmFormat, size: int, ms: int) -> None:
    assert form.duration_ms(size) == ms
