"""A resampler that owes nothing, and holes in a telephone's stream."""

import numpy as np
import pytest

from gateway.media.g711 import MU_LAW, G711Decoder, G711Encoder
from gateway.media.telephone import SteadyResampler
from tests.gateway.media.signals import Signal, frames, samples, tones


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_as_much_comes_out_as_went_in(rate: int) -> None:
    down, up = SteadyResampler(24_000, rate), SteadyResampler(rate, 24_000)
    sent = tones(500).astype(np.int16)
    for at in range(0, len(sent), 480):
        narrow = down(sent[at : at + 480])
        assert len(narrow) == rate // 50
        assert len(up(narrow)) == 480


def with_holes(signal: Signal, lost: set[int]) -> Signal:
    encoder, decoder = G711Encoder(MU_LAW), G711Decoder(MU_LAW)
    heard = []
    for number, frame in enumerate(frames(signal)):
        packet = encoder.encode(frame)
        heard.append(decoder.conceal(480) if number in lost else decoder.decode(packet))
    return samples(b"".join(heard))


def test_a_lost_frame_of_a_voice_is_hardly_heard() -> None:
    voice = tones(150, 300, 450, 600, level=2_000)
    intact, hurt = with_holes(voice, set()), with_holes(voice, {20})
    assert len(hurt) == len(intact)
    hole = slice(20 * 480, 21 * 480)
    error = np.sqrt(np.mean((hurt[hole] - intact[hole]) ** 2))
    assert error < 0.35 * np.sqrt(np.mean(intact[hole] ** 2))
    assert np.abs(np.diff(hurt)).max() < 1.5 * np.abs(np.diff(intact)).max(), "no click"


def test_there_is_no_fec_so_a_frame_to_recover_is_concealed() -> None:
    a, b = G711Decoder(MU_LAW), G711Decoder(MU_LAW)
    packets = [G711Encoder(MU_LAW).encode(frame) for frame in frames(tones(200))[:5]]
    for packet in packets:
        a.decode(packet)
        b.decode(packet)
    assert a.recover(packets[-1], 480) == b.conceal(480)
