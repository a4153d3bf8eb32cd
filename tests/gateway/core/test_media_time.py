from hypothesis import given
from hypothesis import strategies as st

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, to_ms


def test_a_frame_is_20_ms() -> None:
    assert to_ms(FRAME_SAMPLES) == 20
    assert FRAME_SECONDS == 0.02


@given(st.integers(0, 10 * 3600 * SAMPLE_RATE))
def test_a_position_in_ms_never_lies_beyond_the_samples(samples: int) -> None:
    ms = to_ms(samples)
    assert ms * SAMPLE_RATE <= samples * 1000 < (ms + 1) * SAMPLE_RATE
