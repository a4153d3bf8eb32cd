"""G.711 against FFmpeg's tables, and as a stream."""

import av
import numpy as np
import pytest

from gateway.media.codec import CodecError
from gateway.media.g711 import A_LAW, MU_LAW, G711Decoder, G711Encoder, Law
from tests.gateway.media.signals import delay_between, frames, level_at, samples, through, tones

LAWS = pytest.mark.parametrize(
    ("law", "name"), [(MU_LAW, "pcm_mulaw"), (A_LAW, "pcm_alaw")], ids=["PCMU", "PCMA"]
)


@LAWS
def test_every_byte_is_the_sample_that_ffmpeg_makes_of_it(law: Law, name: str) -> None:
    codec = av.CodecContext.create(name, "r")
    codec.sample_rate, codec.layout = 8_000, "mono"
    (frame,) = codec.decode(av.Packet(bytes(range(256))))
    assert np.array_equal(law.expanded, frame.to_ndarray()[0])


@LAWS
def test_every_sample_becomes_the_nearest_level(law: Law, name: str) -> None:
    every = np.arange(-32_768, 32_768)
    chosen = law.expanded[law.compressed[every.astype(np.int16).view(np.uint16)]].astype(int)
    nearest = np.abs(every[:, np.newaxis] - law.expanded.astype(int)).min(axis=1)
    assert np.array_equal(np.abs(every - chosen), nearest)


def test_silence_is_what_lines_carry_for_it() -> None:
    assert (MU_LAW.compressed[0], A_LAW.compressed[0]) == (0xFF, 0xD5)


@LAWS
def test_a_voice_band_tone_passes_and_what_is_above_does_not(law: Law, name: str) -> None:
    sent = tones(1_000, 5_500)
    heard = through(G711Encoder(law), G711Decoder(law), sent)
    assert len(heard) == len(sent), "not one sample more or less"
    assert level_at(heard[4_000:], 1_000) == pytest.approx(6_000, rel=0.02)
    assert level_at(heard[4_000:], 5_500) < 6
    assert delay_between(tones(1_000), heard, 24 * 12) % 24 == pytest.approx(0, abs=1)


@LAWS
def test_it_is_as_clean_as_eight_bits_can_be(law: Law, name: str) -> None:
    noise = np.random.default_rng(1)
    voice = np.convolve(noise.normal(0, 3_000, 26_000), np.hamming(24) / 12, "same")[:24_000]
    heard = through(G711Encoder(law), G711Decoder(law), voice)
    late = delay_between(voice, heard)
    assert 120 < late < 160, "3 ms in each of two resamplers"
    error = heard[late + 2_000 : 20_000] - voice[2_000 : 20_000 - late]
    assert 10 * np.log10(np.mean(voice**2) / np.mean(error**2)) > 30


def test_packets_of_any_length_are_decoded_to_their_length() -> None:
    decoder = G711Decoder(MU_LAW)
    packets = [bytes([n % 256]) * n for n in (80, 160, 240, 480, 1, 33)]
    assert [len(samples(decoder.decode(p))) for p in packets] == [3 * len(p) for p in packets]


def test_an_empty_packet_is_refused() -> None:
    with pytest.raises(CodecError):
        G711Decoder(MU_LAW).decode(b"")


def test_part_of_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="20 ms"):
        G711Encoder(A_LAW).encode(frames(tones(440))[0][:482])
