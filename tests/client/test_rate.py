import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.python.levels import Samples, level_dbfs
from client.python.rate import Decimator, RateConverter, convert_rate
from tests.client.tones import silence, tone


@pytest.mark.parametrize(("source", "target"), [(8000, 24_000), (44_100, 48_000), (48_000, 16_000)])
def test_a_tone_keeps_its_length_level_and_pitch(source: int, target: int) -> None:
    converted = convert_rate(tone(0.5, source), source, target)
    assert len(converted) == pytest.approx(0.5 * target, abs=2)
    assert level_dbfs(converted) == pytest.approx(level_dbfs(tone(0.5, source)), abs=0.2)
    assert _hertz(converted, target) == pytest.approx(400, abs=3)


def test_the_same_rate_changes_nothing() -> None:
    samples = tone(0.1, 24_000)
    assert convert_rate(samples, 24_000, 24_000) is samples
    assert len(convert_rate(silence(0, 8000), 8000, 24_000)) == 0


def test_the_converter_keeps_its_state_between_blocks() -> None:
    samples = tone(0.2, 16_000)
    converter = RateConverter(16_000, 48_000)
    blocks = [converter.push(samples[at : at + 100]) for at in range(0, len(samples), 100)]
    pieces = np.concatenate([*blocks, converter.push(samples[:0]), converter.flush()])
    assert np.array_equal(pieces, convert_rate(samples, 16_000, 48_000))


def test_the_decimator_holds_nothing_back() -> None:
    assert len(Decimator().push(tone(0.02, 48_000))) == 480


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_the_decimator_does_not_show_where_blocks_met(halves: list[int]) -> None:
    samples = tone(2 * sum(halves) / 48_000, 48_000, hertz=3000)
    decimator, at, blocks = Decimator(), 0, []
    for half in halves:
        blocks.append(decimator.push(samples[at : at + 2 * half]))
        at += 2 * half
    assert np.array_equal(np.concatenate(blocks), Decimator().push(samples))


def test_the_decimator_passes_speech_and_stops_what_would_fold_into_it() -> None:
    speech = tone(0.2, 48_000, hertz=3000)
    assert level_dbfs(Decimator().push(speech)) == pytest.approx(level_dbfs(speech), abs=0.2)
    above = tone(0.2, 48_000, hertz=16_000)
    assert level_dbfs(Decimator().push(above)[100:]) < level_dbfs(above) - 40


def _hertz(samples: Samples, rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * rate / len(samples)
