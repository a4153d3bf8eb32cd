"""Rate conversion: response, alignment, and that chunks make no difference."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.resample import Int16, Resampler, resample

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
PAIRS = [(rate, 24_000) for rate in RATES] + [(24_000, rate) for rate in RATES]
AMPLITUDE = 20_000

Signal = npt.NDArray[np.float64]


def tone(frequency: float, rate: int, seconds: float = 1.0) -> Int16:
    time = np.arange(int(rate * seconds)) / rate
    sine: Int16 = np.rint(AMPLITUDE * np.sin(2 * np.pi * frequency * time)).astype(np.int16)
    return sine


def noise(samples: int, seed: int = 1) -> Int16:
    values = np.random.default_rng(seed).normal(0, 9_000, samples)
    return np.clip(values, -32_768, 32_767).astype(np.int16)


def middle(signal: Int16) -> Signal:
    """Without the edges, where silence begins and ends."""
    quarter = len(signal) // 4
    return signal[quarter:-quarter].astype(np.float64)


def in_chunks(resampler: Resampler, pcm: Int16, sizes: list[int]) -> Int16:
    converted, at, turn = [], 0, 0
    while at < len(pcm):
        size = sizes[turn % len(sizes)]
        converted.append(resampler(pcm[at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate((*converted, resampler.flush()))


def gain_db(frequency: float, source: int, target: int) -> float:
    """Gain of a tone, and of nothing else that came out."""
    converted = resample(tone(frequency, source), source, target).astype(np.float64)
    time = np.arange(len(converted)) / target
    carrier = np.exp(-2j * np.pi * frequency * time) * np.hanning(len(converted)) * 2
    return 20 * math.log10(abs(2 * np.mean(converted * carrier)) / AMPLITUDE)


def level_db(signal: Signal) -> float:
    """Level against a tone at AMPLITUDE; rounding to int16 alone is about -94 dB."""
    rms = float(np.sqrt(np.mean(signal**2)))
    return 20 * math.log10(max(rms, 1e-3) / (AMPLITUDE / math.sqrt(2)))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_passband_is_flat(source: int, target: int) -> None:
    nyquist = min(source, target) / 2
    for share in (0.05, 0.3, 0.6, 0.8, 0.85):
        assert abs(gain_db(round(share * nyquist), source, target)) < 0.1


@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if pair[0] > pair[1]])
def test_what_would_alias_is_stopped(source: int, target: int) -> None:
    nyquist = target / 2
    for share in (1.1, 1.25, 1.5, 1.9):
        if share * nyquist < 0.99 * source / 2:
            converted = resample(tone(share * nyquist, source), source, target)
            assert level_db(middle(converted)) < -75


@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if pair[0] < pair[1]])
def test_a_tone_stays_alone(source: int, target: int) -> None:
    """Neither images above the old Nyquist frequency nor distortion anywhere."""
    for share in (0.3, 0.8):
        frequency = round(share * source / 2)
        converted = middle(resample(tone(frequency, source), source, target))
        spectrum = np.abs(np.fft.rfft(converted * np.blackman(len(converted))))
        others = np.abs(np.fft.rfftfreq(len(converted), 1 / target) - frequency) > 20
        assert 20 * math.log10(spectrum[others].max() / spectrum.max()) < -75


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_nothing_is_shifted(source: int, target: int) -> None:
    converted = resample(tone(440, source), source, target)
    expected = tone(440, target)
    edge = target // 50
    error = (converted.astype(int) - expected)[edge:-edge]
    assert np.max(np.abs(error)) <= 3


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_chunks_make_no_difference(source: int, target: int) -> None:
    pcm = noise(source)
    whole = resample(pcm, source, target)
    assert len(whole) == target
    for sizes in ([source // 50], [1, 7, 480, 3, 2_000], [160, 0, 161]):
        assert np.array_equal(in_chunks(Resampler(source, target), pcm, sizes), whole)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(PAIRS),
    st.integers(0, 3_000),
    st.lists(st.integers(0, 700), min_size=1, max_size=6).filter(any),
)
def test_any_chunks_of_any_length_give_the_whole(
    rates: tuple[int, int], length: int, sizes: list[int]
) -> None:
    source, target = rates
    pcm = noise(length)
    converted = in_chunks(Resampler(source, target), pcm, sizes)
    assert len(converted) == -(-length * target // source)
    assert np.array_equal(converted, resample(pcm, source, target))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_output_lags_by_the_documented_delay(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    given_so_far = len(resampler(noise(source)))
    lag = 1 - given_so_far / target
    assert lag == pytest.approx(resampler.delay, abs=1 / min(source, target))
    assert resampler.delay <= 0.003


def test_flush_begins_a_new_stream() -> None:
    resampler = Resampler(8_000, 24_000)
    pcm = noise(1_000)
    first = in_chunks(resampler, pcm, [160])
    assert np.array_equal(in_chunks(resampler, pcm, [100]), first)
    assert len(resampler.flush()) == 0


def test_full_scale_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(800) // 20 % 2, 32_767, -32_768).astype(np.int16)
    converted = resample(square, 8_000, 24_000)
    assert converted.max() == 32_767
    assert converted.min() == -32_768
    loud = middle(np.repeat(square, 3)) * middle(converted)
    assert np.mean(loud > 0) > 0.9


def test_silence_and_steady_levels_stay_exactly() -> None:
    for value in (0, 1, -12_345):
        steady = np.full(2_000, value, np.int16)
        assert np.all(middle(resample(steady, 44_100, 24_000)) == value)


def test_bytes_are_taken_as_little_endian_pcm() -> None:
    pcm = noise(500)
    assert np.array_equal(
        resample(pcm.astype("<i2").tobytes(), 16_000, 24_000), resample(pcm, 16_000, 24_000)
    )


def test_equal_rates_pass_through() -> None:
    resampler = Resampler(24_000, 24_000)
    pcm = noise(480)
    converted = resampler(pcm)
    assert np.array_equal(converted, pcm)
    assert not np.shares_memory(converted, pcm)
    assert resampler.delay == 0
    assert len(resampler.flush()) == 0


@pytest.mark.parametrize(("source", "target"), [(0, 24_000), (24_000, -1), (400_000, 24_000)])
def test_rates_out_of_range_are_refused(source: int, target: int) -> None:
    with pytest.raises(ValueError, match="cannot convert"):
        Resampler(source, target)


def test_rates_with_too_little_in_common_are_refused() -> None:
    with pytest.raises(ValueError, match="too little in common"):
        Resampler(44_101, 24_000)


def test_what_is_no_pcm_is_refused() -> None:
    resampler = Resampler(8_000, 24_000)
    with pytest.raises(ValueError, match="buffer size"):
        resampler(b"\x00")
    with pytest.raises(ValueError, match="one row of int16"):
        resampler(np.zeros(10, np.float32))
    with pytest.raises(ValueError, match="one row of int16"):
        resampler(np.zeros((2, 10), np.int16))
