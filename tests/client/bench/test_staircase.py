import numpy as np
import pytest

from client.python.bench.staircase import StaircaseReader, recovery_seconds, stair
from client.python.bench.track import (
    PACKET_SAMPLES,
    RATE,
    STAIR_LEAD,
    STAIR_PACKETS,
    staircase_track,
)
from client.python.levels import Samples
from tests.client.bench.decoding import decoded


def packets(numbers: range) -> list[Samples]:
    return [stair(number, PACKET_SAMPLES, RATE) for number in numbers]


def test_each_packet_is_read_when_it_comes() -> None:
    reader = StaircaseReader(RATE)
    for number, audio in enumerate(packets(range(100))):
        reader.feed(audio, number * 0.02)
    assert reader.arrivals == {number: number * 0.02 for number in range(100)}


def test_packets_are_read_after_a_codec() -> None:
    reader = StaircaseReader(RATE)
    for place, audio in enumerate(decoded(staircase_track().payloads, RATE)):
        reader.feed(audio, place - STAIR_LEAD)
    assert list(reader.arrivals) == list(range(STAIR_PACKETS))
    # A packet's beginning comes out with the packet, so its number is known then and no later.
    assert all(at == number for number, at in reader.arrivals.items())


def test_the_number_is_known_however_late_and_after_a_gap() -> None:
    reader = StaircaseReader(RATE)
    kept = packets(range(60))
    del kept[20:26]
    for place, audio in enumerate(kept):
        reader.feed(audio, 5 + place * 0.02)
    assert set(reader.arrivals) == set(range(20)) | set(range(26, 60))
    assert reader.arrivals[59] == pytest.approx(5 + 53 * 0.02)


def test_silence_and_noise_are_no_stairs() -> None:
    reader = StaircaseReader(RATE)
    reader.feed(np.zeros(4_800, dtype=np.int16), 1.0)
    noise = np.random.default_rng(1).normal(0, 3_000, 4_800)
    reader.feed(noise.astype(np.int16), 2.0)
    assert reader.arrivals == {}


SENT = {number: number * 0.02 for number in range(100)}


def arriving(late: float, since: int, until: int) -> dict[int, float]:
    """A millisecond of delay, but `late` from packet `since` to before `until`; 50 is lost."""
    return {
        number: at + (late if since <= number < until else 0.001)
        for number, at in SENT.items()
        if number != 50
    }


def test_recovery_ends_with_the_first_packet_after_which_all_are_at_rest() -> None:
    took = recovery_seconds(SENT, arriving(0.06, 51, 53), lost=50)
    assert took == pytest.approx(3 * 0.02 + 0.001)


def test_a_delay_that_stays_is_never() -> None:
    assert recovery_seconds(SENT, arriving(0.2, 51, 100), lost=50) is None


def test_without_a_rest_before_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(ValueError, match="before the loss"):
        recovery_seconds(SENT, {60: 1.3}, lost=50)
