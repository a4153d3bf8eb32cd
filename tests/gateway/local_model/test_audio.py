import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.local_model.audio import AudioFormat, to_samples, to_waveform

G711 = [AudioFormat.PCMU, AudioFormat.PCMA]


@pytest.mark.parametrize("audio_format", G711)
def test_every_g711_code_survives(audio_format: AudioFormat) -> None:
    codes = bytes(range(256))
    again = audio_format.encode(audio_format.decode(codes))
    # µ-law has two codes for zero; the sound is what must stay.
    assert (audio_format.decode(again) == audio_format.decode(codes)).all()


@pytest.mark.parametrize(
    ("audio_format", "code", "sample"),
    [
        (AudioFormat.PCMU, 0xFF, 0),
        (AudioFormat.PCMU, 0x00, -32_124),
        (AudioFormat.PCMU, 0x80, 32_124),
        (AudioFormat.PCMA, 0xD5, 8),
        (AudioFormat.PCMA, 0x55, -8),
        (AudioFormat.PCMA, 0xAA, 32_256),
        (AudioFormat.PCMA, 0x2A, -32_256),
    ],
)
def test_g711_values_of_the_standard(audio_format: AudioFormat, code: int, sample: int) -> None:
    assert audio_format.decode(bytes([code])).tolist() == [sample]


@pytest.mark.parametrize("audio_format", G711)
@given(sample=st.integers(-32_768, 32_767))
def test_g711_is_within_its_step(audio_format: AudioFormat, sample: int) -> None:
    heard = audio_format.decode(audio_format.encode(np.array([sample], np.int16)))[0]
    assert abs(int(heard) - sample) <= max(16, abs(sample) / 16) + 160 * (abs(sample) > 32_000)


@given(st.binary(max_size=200).map(lambda data: data[: len(data) // 2 * 2]))
def test_pcm_is_little_endian_and_lossless(data: bytes) -> None:
    samples = AudioFormat.PCM.decode(data)
    assert samples.tolist() == np.frombuffer(data, "<i2").tolist()
    assert AudioFormat.PCM.encode(samples) == data


def test_rates_and_sizes() -> None:
    assert (AudioFormat.PCM.rate, AudioFormat.PCM.sample_size) == (24_000, 2)
    assert {(f.rate, f.sample_size) for f in G711} == {(8_000, 1)}


def test_waveforms_are_scaled_and_clipped() -> None:
    assert to_waveform(np.array([-32_768, 16_384], np.int16)).tolist() == [-1.0, 0.5]
    assert to_samples(np.array([-2.0, 0.5, 2.0], np.float32)).tolist() == [-32_767, 16_383, 32_767]
