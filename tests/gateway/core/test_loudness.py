from __future__ import annotations

import array
import math

import pytest

from gateway.core.loudness import SILENCE, WINDOW, Loudness
from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE


def frames(hertz: float, dbfs: float, seconds: float) -> list[bytes]:
    """A sine of that RMS level."""
    peak = math.sqrt(2) * 32_768 * 10 ** (dbfs / 20)
    turn = 2 * math.pi * hertz / SAMPLE_RATE
    sound = [round(peak * math.sin(turn * at)) for at in range(round(seconds * SAMPLE_RATE))]
    starts = range(0, len(sound), FRAME_SAMPLES)
    return [array.array("h", sound[at : at + FRAME_SAMPLES]).tobytes() for at in starts]


def heard(pieces: list[bytes]) -> tuple[Loudness, float]:
    """What heard them, and when the last of them came."""
    loudness, now = Loudness(), 100.0
    for piece in pieces:
        now += FRAME_SECONDS
        loudness.hear(piece, now)
    return loudness, now


@pytest.mark.parametrize("hertz", [80, 97, 200, 440, 500, 1_000, 1_411, 2_500, 3_900])
@pytest.mark.parametrize("dbfs", [-12.0, -30.0, -50.0])
def test_a_tones_level_is_met_whatever_its_pitch(hertz: float, dbfs: float) -> None:
    loudness, now = heard(frames(hertz, dbfs, 1.0))
    level = loudness.dbfs(now)
    assert level == pytest.approx(dbfs, abs=1.0)


def test_what_is_older_than_a_second_is_forgotten() -> None:
    loudness, now = heard(frames(440, -10, 1.0) + frames(440, -40, 1.2))
    assert loudness.dbfs(now) == pytest.approx(-40, abs=1.0)
    assert loudness.dbfs(now + WINDOW + 0.1) is None


def test_silence_is_the_floor_and_nothing_is_nothing() -> None:
    loudness, now = heard([bytes(960)] * 50)
    assert loudness.dbfs(now) == SILENCE
    assert Loudness().dbfs(0.0) is None


@pytest.mark.parametrize("piece", [b"", b"\1", b"\1\2\3", bytes(2 * 24_000 * 60)])
def test_pieces_of_any_size(piece: bytes) -> None:
    loudness, _ = heard([piece])
    assert loudness.dbfs(100.0) in (None, SILENCE) or len(piece) == 3
