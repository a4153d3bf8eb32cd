import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from client.python.levels import SILENCE_DBFS, frame_levels, level_dbfs
from tests.client.tones import silence, tone

pcm = arrays.arrays(np.int16, st.integers(0, 400))


def test_a_full_scale_sine_is_3_db_under_a_square() -> None:
    assert level_dbfs(tone(1.0, 8000, amplitude=32767)) == pytest.approx(-3.01, abs=0.01)
    square = np.full(100, -32768, dtype=np.int16)
    assert level_dbfs(square) == 0.0


def test_silence_has_a_finite_level() -> None:
    assert level_dbfs(silence(0.1, 8000)) == SILENCE_DBFS
    assert level_dbfs(silence(0.0, 8000)) == SILENCE_DBFS


@given(pcm, st.integers(1, 50))
def test_frame_levels_are_the_levels_of_the_frames(samples: np.ndarray, frame: int) -> None:
    levels = frame_levels(samples, frame)
    assert len(levels) == -(-len(samples) // frame)
    for index, level in enumerate(levels[: len(samples) // frame]):
        whole = samples[index * frame : (index + 1) * frame]
        assert level == pytest.approx(level_dbfs(whole), abs=1e-6)
