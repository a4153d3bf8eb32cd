"""G.722: wideband, exact in length, and unhurt by what is no G.722."""

import random

import numpy as np
import pytest

from gateway.media.codec import CodecError
from gateway.media.g722 import G722Decoder, G722Encoder
from tests.gateway.media.signals import frames, level_at, samples, through, tones


def test_both_bands_pass() -> None:
    sent = tones(1_000, 5_500)
    heard = through(G722Encoder(), G722Decoder(), sent)
    assert len(heard) == len(sent)
    assert level_at(heard[4_000:], 1_000) == pytest.approx(6_000, rel=0.05)
    assert level_at(heard[4_000:], 5_500) == pytest.approx(6_000, rel=0.1)


def test_a_frame_is_160_bytes() -> None:
    encoder = G722Encoder()
    assert {len(encoder.encode(frame)) for frame in frames(tones(440))} == {160}


def test_packets_of_any_length_are_decoded_to_their_length() -> None:
    decoder = G722Decoder()
    assert [len(samples(decoder.decode(b"\x5a" * n))) for n in (80, 160, 480, 1, 33)] == [
        *(240, 480, 1440, 3, 99),
    ]


def test_an_encoder_keeps_its_state_across_frames() -> None:
    heard = through(G722Encoder(), G722Decoder(), tones(700, seconds=2.0))[24_000:]
    steps = np.abs(np.diff(heard))
    assert steps.max() < 1.15 * 6_000 * 2 * np.pi * 700 / 24_000, "no click at any border"


def test_noise_is_decoded_as_noise() -> None:
    decoder, noise = G722Decoder(), random.Random(3)
    for _ in range(200):
        payload = noise.randbytes(noise.randrange(1, 480))
        assert len(decoder.decode(payload)) == 6 * len(payload)
    with pytest.raises(CodecError):
        decoder.decode(b"")
