"""What a hole is filled with."""

import numpy as np
import pytest

from gateway.media.concealment import Concealer
from tests.gateway.media.signals import Signal, tones


def after(signal: Signal) -> Concealer:
    concealer = Concealer()
    concealer.heard(signal.astype(np.int16))
    return concealer


@pytest.mark.parametrize("hertz", [80, 123, 200, 395])
def test_a_voice_goes_on_at_its_pitch(hertz: int) -> None:
    signal = tones(hertz, 2 * hertz, 3 * hertz)
    filled = after(signal[:12_000]).conceal(240)
    error = filled - signal[12_000:12_240]
    assert np.sqrt(np.mean(error**2)) < 0.2 * np.sqrt(np.mean(signal**2))


def test_it_fades_and_stays_silent() -> None:
    concealer = after(tones(200))
    hole = np.concatenate([concealer.conceal(480) for _ in range(6)]).astype(float)
    loudness = [np.abs(hole[at : at + 240]).max() for at in range(0, len(hole), 240)]
    assert loudness[0] > 5_500
    assert loudness == sorted(loudness, reverse=True)
    assert loudness[6:] == [0] * 6


def test_what_follows_is_blended_in() -> None:
    concealer = after(tones(200))
    hole = concealer.conceal(480)
    following = concealer.heard(np.full(480, -6_000, np.int16))
    steps = np.abs(np.diff(np.concatenate((hole, following)).astype(float)))
    assert steps.max() < 600, "6000 samples high, in 4 ms"
    assert (following[96:] == -6_000).all()


def test_nothing_is_made_of_silence() -> None:
    assert not Concealer().conceal(2_880).any()
    assert len(Concealer().conceal(0)) == 0


def test_short_packets_are_remembered_together() -> None:
    signal = tones(200).astype(np.int16)
    whole, parts = Concealer(), Concealer()
    whole.heard(signal)
    for at in range(0, len(signal), 100):
        parts.heard(signal[at : at + 100])
    assert np.array_equal(whole.conceal(480), parts.conceal(480))
