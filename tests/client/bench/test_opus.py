import numpy as np
import pytest

from client.python.bench.errors import BenchError
from client.python.bench.opus import LOOK_AHEAD_SECONDS, OpusDecoder, OpusEncoder
from client.python.bench.probes import sine


def test_a_tone_comes_back_one_look_ahead_later() -> None:
    encoder, decoder = OpusEncoder(24_000, 32_000), OpusDecoder(8_000)
    silence = np.zeros(480, dtype=np.int16)
    decoder.decode(encoder.encode(silence))
    first = decoder.decode(encoder.encode(sine(1_000, 20_000, 480, 24_000))).copy()
    assert len(first) == 160
    onset = int(np.flatnonzero(first > 5_000)[0])
    assert onset == pytest.approx(LOOK_AHEAD_SECONDS * 8_000, abs=6)
    encoder.close()
    decoder.close()


def test_fec_makes_packets_larger() -> None:
    rng = np.random.default_rng(1)
    noise = [np.cumsum(rng.normal(0, 300, 480)).astype(np.int16) for _ in range(30)]
    sizes = []
    for expected_loss in (0, 20):
        encoder = OpusEncoder(24_000, 24_000, expected_loss)
        sizes.append(sum(len(encoder.encode(frame)) for frame in noise))
        encoder.close()
    assert sizes[0] != sizes[1]


def test_what_is_no_opus_gives_no_samples() -> None:
    decoder = OpusDecoder(8_000)
    assert len(decoder.decode(b"\xff" * 3)) == 0
    decoder.close()


def test_sizes_that_opus_does_not_know_are_refused() -> None:
    with pytest.raises(BenchError, match="44100"):
        OpusDecoder(44_100)
    with pytest.raises(BenchError, match="44100"):
        OpusEncoder(44_100, 32_000)
    encoder = OpusEncoder(24_000, 32_000)
    with pytest.raises(BenchError, match="481 samples"):
        encoder.encode(np.zeros(481, dtype=np.int16))
    encoder.close()
