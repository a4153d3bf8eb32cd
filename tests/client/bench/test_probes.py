import numpy as np
import pytest

from client.python.bench.probes import (
    BURST_PEAK,
    SPEECH_PEAK,
    TONES,
    Burst,
    BurstDetector,
    burst,
    peak,
    sine,
)
from client.python.levels import Samples

RATE = 24_000


def zeros(count: int) -> Samples:
    return np.zeros(count, dtype=np.int16)


def feed(detector: BurstDetector, audio: Samples, piece: int) -> list[Burst]:
    """`audio` in pieces; each comes at the second at which it ends."""
    found = []
    for start in range(0, len(audio), piece):
        samples = audio[start : start + piece]
        hit = detector.feed(samples, (start + len(samples)) / RATE)
        if hit is not None:
            found.append(hit)
    return found


@pytest.mark.parametrize("tone", range(len(TONES)))
@pytest.mark.parametrize("piece", [240, 480, 2400])
def test_a_burst_is_found_where_it_starts_and_by_its_pitch(tone: int, piece: int) -> None:
    audio = np.concatenate([zeros(9_750), burst(tone, RATE), zeros(2_400)])
    (found,) = feed(BurstDetector(RATE), audio, piece)
    assert found.tone == tone
    start = round(found.at * RATE) - piece + found.offset
    assert 9_750 <= start < 9_750 + 24


def test_the_time_is_that_of_the_onset_though_the_pitch_is_known_later() -> None:
    detector = BurstDetector(RATE)
    sound = burst(3, RATE)
    assert detector.feed(np.concatenate([zeros(460), sound[:20]]), 1.0) is None
    assert detector.feed(sound[20:500], 2.0) == Burst(3, 1.0, 460 + int(np.argmax(sound > 9_000)))


def test_a_burst_broken_by_a_loss_is_one_burst() -> None:
    sound = burst(0, RATE)
    audio = np.concatenate([zeros(480), sound[:480], zeros(480), sound[480:]])
    assert len(feed(BurstDetector(RATE), audio, 480)) == 1


def test_bursts_a_second_apart_are_two_also_among_speech() -> None:
    speech = sine(300, SPEECH_PEAK, RATE, RATE)
    audio = np.concatenate([burst(1, RATE), speech, burst(2, RATE), speech])
    assert [b.tone for b in feed(BurstDetector(RATE), audio, 480)] == [1, 2]


def test_a_loud_noise_is_no_burst() -> None:
    noise = np.random.default_rng(1).normal(0, 12_000, 1_440).clip(-32_768, 32_767)
    assert feed(BurstDetector(RATE), noise.astype(np.int16), 480) == []


def test_a_sine_has_its_peak() -> None:
    assert peak(sine(1_000, BURST_PEAK, 480, RATE)) == BURST_PEAK
