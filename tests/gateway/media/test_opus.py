"""The codec: fidelity, concealment, FEC, and that no packet can hurt the process."""

from __future__ import annotations

import ctypes
import gc
import random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.encoding import EncoderSettings
from gateway.media import libopus
from gateway.media.opus import DEFAULT_SETTINGS, OpusDecoder, OpusEncoder, OpusError, has_fec

RATE = 24_000
FRAME = 480
LAG = 156
"""Samples by which the output follows the input at 24 kHz (6.5 ms)."""

Signal = npt.NDArray[np.float64]


def voice(seconds: float, seed: int = 1) -> Signal:
    """Something a voice codec takes for speech: gliding harmonics in syllables of five a second."""
    noise = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 130 + 25 * np.sin(2 * np.pi * 0.7 * time) + 10 * np.sin(2 * np.pi * 3.1 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formant = 700 + 500 * np.sin(2 * np.pi * 2.3 * time)
    tone = np.zeros_like(time)
    for harmonic in range(1, 25):
        strength = np.exp(-(((harmonic * pitch - formant) / 600) ** 2)) + 0.15 / harmonic
        tone += strength * np.sin(harmonic * phase)
    syllables = 0.15 + 0.85 * np.abs(np.sin(np.pi * 2.5 * time))
    signal: Signal = 4000 * syllables * (tone + 0.02 * noise.standard_normal(len(time)))
    return signal


def frames(signal: Signal) -> list[bytes]:
    pcm = np.clip(np.rint(signal), -32_768, 32_767).astype("<i2").tobytes()
    return [pcm[at : at + 2 * FRAME] for at in range(0, len(pcm) - 2 * FRAME + 1, 2 * FRAME)]


def encoded(seconds: float, **options: object) -> list[bytes]:
    encoder = OpusEncoder(settings=EncoderSettings(**options))  # type: ignore[arg-type]
    return [encoder.encode(frame) for frame in frames(voice(seconds))]


def samples(pcm: bytes) -> Signal:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def snr_db(reference: Signal, signal: Signal) -> float:
    error = float(np.mean((reference - signal) ** 2))
    return 10 * float(np.log10(np.mean(reference**2) / max(error, 1e-9)))


def level(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(samples(pcm) ** 2)))


FEC_OPTIONS: dict[str, object] = {
    "speech": True,
    "bitrate": 32_000,
    "fec": True,
    "expected_loss": 20,
    "complexity": 5,
}


# -- fidelity --------------------------------------------------------------


def test_the_default_encoder_is_celt_at_80_kb_and_faithful() -> None:
    packets = encoded(2.0)
    assert all(packet[0] >= 0x80 for packet in packets), "CELT (RFC 6716 §3.1)"
    assert sum(map(len, packets)) / len(packets) == pytest.approx(200, abs=3)
    decoder = OpusDecoder()
    heard = samples(b"".join(decoder.decode(packet) for packet in packets))
    spoken = samples(b"".join(frames(voice(2.0))))
    assert len(heard) == len(spoken)
    assert snr_db(spoken[FRAME:-LAG], heard[FRAME + LAG :]) > 15


def is_celt(packet: bytes) -> bool:
    return packet[0] >= 0x80  # RFC 6716 §3.1


@pytest.mark.parametrize("bitrate", [12_000, 24_000, 40_000, 63_000])
def test_the_hint_chooses_the_mode_at_any_bitrate(bitrate: int) -> None:
    for speech in (False, True):
        packets = encoded(0.5, speech=speech, bitrate=bitrate)
        assert {is_celt(packet) for packet in packets} == {not speech}


def test_settings_can_be_changed_while_it_runs() -> None:
    encoder = OpusEncoder()
    spoken = frames(voice(3.0))
    clean = [encoder.encode(frame) for frame in spoken[:50]]
    encoder.settings = EncoderSettings(24_000, speech=True)
    low = [encoder.encode(frame) for frame in spoken[50:100]]
    encoder.settings = EncoderSettings(40_000, speech=True, fec=True, expected_loss=10)
    lossy = [encoder.encode(frame) for frame in spoken[100:]]
    assert sum(map(len, low)) < 0.5 * sum(map(len, clean))
    assert not any(has_fec(packet) for packet in clean + low)
    assert sum(has_fec(packet) for packet in lossy) > 25


def test_a_constant_bitrate_makes_packets_of_one_size() -> None:
    assert len({len(packet) for packet in encoded(1.0, bitrate=48_000)}) > 1
    assert {len(p) for p in encoded(1.0, bitrate=48_000, constant_bitrate=True)} == {120}


@pytest.mark.parametrize(
    ("playback_rate", "heard"), [(48_000, True), (44_100, True), (8_000, False)]
)
def test_what_the_listener_does_not_render_is_not_coded(playback_rate: int, heard: bool) -> None:
    time = np.arange(RATE) / RATE
    high = frames(8_000 * np.sin(2 * np.pi * 7_000 * time))
    encoder = OpusEncoder(settings=EncoderSettings(playback_rate=playback_rate))
    decoder = OpusDecoder()
    decoded = b"".join(decoder.decode(encoder.encode(frame)) for frame in high)
    assert (level(decoded[RATE:]) > 3_000) == heard


TONE_HZ, TONE_LEVEL = 440, 8_000.0
LOSSY = EncoderSettings(40_000, speech=True, fec=True, expected_loss=10, complexity=5)


@pytest.mark.parametrize("number", [50, 51, 54])
@pytest.mark.parametrize("to_lossy", [True, False])
def test_a_change_of_mode_makes_neither_gap_nor_click(number: int, to_lossy: bool) -> None:
    """A tone shows both: its level is the same everywhere, and its steepest slope is known."""
    before, after = (DEFAULT_SETTINGS, LOSSY) if to_lossy else (LOSSY, DEFAULT_SETTINGS)
    radians = 2 * np.pi * TONE_HZ / RATE
    spoken = frames(TONE_LEVEL * np.sin(radians * np.arange(100 * FRAME)))
    encoder, decoder = OpusEncoder(settings=before), OpusDecoder()
    heard = []
    for at, frame in enumerate(spoken):
        if at == number:
            encoder.settings = after
        heard.append(samples(decoder.decode(encoder.encode(frame))))
    around = np.concatenate(heard[number - 2 : number + 10])
    assert np.max(np.abs(np.diff(around))) < 1.3 * radians * TONE_LEVEL
    levels = np.sqrt(np.convolve(around**2, np.ones(120) / 120, "valid")) * np.sqrt(2) / TONE_LEVEL
    assert 0.85 < levels.min() < levels.max() < 1.15


def test_a_stereo_packet_of_another_rate_and_length_is_decoded_to_mono() -> None:
    library = libopus.load()
    state = library.encoder_create(48_000, 2, libopus.APPLICATION_AUDIO, None)
    packet = ctypes.create_string_buffer(1275)
    size = library.encode(state, bytes(2 * 2 * 2880), 2880, ctypes.addressof(packet), 1275)
    library.encoder_destroy(state)
    assert len(OpusDecoder().decode(packet.raw[:size])) == 2 * 1440


@pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 24_000, 48_000])
def test_all_rates_of_libopus_work(rate: int) -> None:
    packet = OpusEncoder(rate).encode(bytes(2 * rate // 50))
    assert len(OpusDecoder(rate).decode(packet)) == 2 * rate // 50


# -- concealment and FEC ---------------------------------------------------


@pytest.mark.parametrize("options", [{}, FEC_OPTIONS], ids=["celt", "silk"])
def test_a_concealed_gap_is_as_smooth_as_speech(options: dict[str, object]) -> None:
    packets = encoded(1.0, **options)
    lost = 20
    whole, decoder = OpusDecoder(), OpusDecoder()
    intact = [samples(whole.decode(packet)) for packet in packets]
    heard: list[Signal] = []
    for number, packet in enumerate(packets):
        pcm = decoder.conceal(FRAME) if number == lost else decoder.decode(packet)
        heard.append(samples(pcm))
    assert [len(frame) for frame in heard] == [FRAME] * len(packets)
    around = np.concatenate(heard[lost - 2 : lost + 3])
    usual = np.max(np.abs(np.diff(np.concatenate(intact))))
    assert np.max(np.abs(np.diff(around))) < 1.2 * usual
    assert level(heard[lost].astype("<i2").tobytes()) > 300, "a hole is not filled with silence"


@pytest.mark.parametrize("options", [{}, FEC_OPTIONS], ids=["celt", "silk"])
def test_long_concealment_fades(options: dict[str, object]) -> None:
    decoder = OpusDecoder()
    for packet in encoded(0.5, **options):
        spoken = decoder.decode(packet)
    concealed = [level(decoder.conceal(FRAME)) for _ in range(15)]
    assert concealed[0] > 0.5 * level(spoken)
    assert concealed[0] > concealed[2] > concealed[4]
    assert concealed[4] < 0.5 * concealed[0]
    assert concealed[-1] < 0.25 * concealed[0]


def test_fec_restores_what_concealment_can_only_guess() -> None:
    packets = encoded(3.0, **FEC_OPTIONS)
    whole = OpusDecoder()
    intact = [samples(whole.decode(packet)) for packet in packets]
    recovered, concealed = [], []
    for lost in range(10, len(packets) - 1, 7):
        if not has_fec(packets[lost + 1]):
            continue
        with_fec, without = OpusDecoder(), OpusDecoder()
        for packet in packets[:lost]:
            with_fec.decode(packet)
            without.decode(packet)
        recovered.append(snr_db(intact[lost], samples(with_fec.recover(packets[lost + 1], FRAME))))
        concealed.append(snr_db(intact[lost], samples(without.conceal(FRAME))))
    assert len(recovered) > 10
    assert np.median(recovered) > np.median(concealed) + 3


def test_recovering_from_a_packet_without_fec_conceals() -> None:
    packets = encoded(0.5)
    assert not any(has_fec(packet) for packet in packets)
    one, other = OpusDecoder(), OpusDecoder()
    for packet in packets[:10]:
        one.decode(packet)
        other.decode(packet)
    assert one.recover(packets[11], FRAME) == other.conceal(FRAME)


@pytest.mark.parametrize("count", [0, 1, 59, 60, 61, 480, 1000, 2880])
def test_any_number_of_samples_up_to_120_ms_can_be_filled(count: int) -> None:
    packets = encoded(0.2, **FEC_OPTIONS)
    decoder = OpusDecoder()
    decoder.decode(packets[0])
    assert len(decoder.conceal(count)) == 2 * count
    assert len(decoder.recover(packets[5], count)) == 2 * count


def test_what_is_recovered_ends_where_the_next_packet_begins() -> None:
    packets = encoded(0.3, **FEC_OPTIONS)

    def after_the_first_ten() -> OpusDecoder:
        decoder = OpusDecoder()
        for packet in packets[:10]:
            decoder.decode(packet)
        return decoder

    whole = after_the_first_ten().recover(packets[11], FRAME)
    assert after_the_first_ten().recover(packets[11], FRAME - 30) == whole[60:]
    whole = after_the_first_ten().conceal(FRAME)
    assert after_the_first_ten().conceal(FRAME - 30) == whole[:-60]


@pytest.mark.parametrize("count", [-1, 2881])
def test_more_than_120_ms_cannot_be_filled_at_once(count: int) -> None:
    decoder = OpusDecoder()
    with pytest.raises(ValueError, match="2880"):
        decoder.conceal(count)
    with pytest.raises(ValueError, match="2880"):
        decoder.recover(b"\x80\x00", count)


def test_concealment_before_the_first_packet_is_silence() -> None:
    assert OpusDecoder().conceal(FRAME) == bytes(2 * FRAME)


def test_without_the_flag_a_voice_packet_may_have_fec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus.load(), "packet_has_lbrr", None)
    assert has_fec(encoded(0.02, speech=True, bitrate=32_000)[0])
    assert not has_fec(encoded(0.02)[0])


# -- misuse, corruption, memory --------------------------------------------


@pytest.mark.parametrize("size", [0, 2 * FRAME - 1, 2 * FRAME - 2, 3 * FRAME])
def test_an_encoder_takes_whole_frames_only(size: int) -> None:
    with pytest.raises(ValueError, match="960 are 20 ms"):
        OpusEncoder().encode(bytes(size))


@pytest.mark.parametrize("codec", [OpusDecoder, OpusEncoder])
def test_a_rate_libopus_has_not_is_refused(codec: type[OpusDecoder | OpusEncoder]) -> None:
    with pytest.raises(ValueError, match="22050 Hz"):
        codec(22_050)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(OpusError, match="invalid argument"):
        OpusEncoder(settings=EncoderSettings(complexity=11))
    encoder = OpusEncoder()
    with pytest.raises(OpusError, match="invalid argument"):
        encoder.settings = EncoderSettings(expected_loss=101)
    assert encoder.settings == DEFAULT_SETTINGS


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"\xff\xff", b"\x03", b"\x03\x00", b"\x02\xff", b"\x01\x00\x00\x00"],
    ids=repr,
)
def test_a_malformed_packet_is_refused_and_the_stream_goes_on(payload: bytes) -> None:
    [good] = encoded(0.02)
    decoder, untouched = OpusDecoder(), OpusDecoder()
    assert decoder.decode(good) == untouched.decode(good)
    with pytest.raises(OpusError):
        decoder.decode(payload)
    with pytest.raises(OpusError):
        decoder.recover(payload, FRAME)
    assert decoder.decode(good) == untouched.decode(good)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2880))
def test_arbitrary_packets_give_pcm_or_an_opus_error(payload: bytes, count: int) -> None:
    decoder = OpusDecoder()
    has_fec(payload)
    for use in (decoder.decode, lambda data: decoder.recover(data, count)):
        try:
            pcm = use(payload)
        except OpusError:
            continue
        assert len(pcm) % 2 == 0
        assert len(pcm) <= 2 * 2880


@pytest.mark.parametrize("options", [{}, FEC_OPTIONS], ids=["celt", "silk"])
def test_a_stream_of_damaged_packets_never_hurts(options: dict[str, object]) -> None:
    """One decoder through thousands of broken packets: a used state must survive them, too."""
    chance = random.Random(5)
    packets = encoded(1.0, **options)
    decoder = OpusDecoder()
    decoded = refused = 0
    for _ in range(4_000):
        packet = bytearray(chance.choice(packets))
        for _ in range(chance.randint(1, 8)):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        damaged = bytes(packet[: chance.randint(1, len(packet))])
        try:
            if chance.random() < 0.2:
                decoder.recover(damaged, chance.randint(0, 2880))
            else:
                decoder.decode(damaged)
            decoded += 1
        except OpusError:
            refused += 1
    assert decoded > 100
    assert refused > 10
    assert len(decoder.decode(packets[0])) == 2 * FRAME


def test_a_closed_codec_refuses_instead_of_crashing() -> None:
    decoder, encoder = OpusDecoder(), OpusEncoder()
    for codec in (decoder, encoder):
        codec.close()
        codec.close()
    with pytest.raises(OpusError, match="closed"):
        decoder.decode(b"\x80\x00")
    with pytest.raises(OpusError, match="closed"):
        decoder.conceal(FRAME)
    with pytest.raises(OpusError, match="closed"):
        encoder.encode(bytes(2 * FRAME))
    with pytest.raises(OpusError, match="closed"):
        encoder.settings = DEFAULT_SETTINGS


def test_native_memory_is_freed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    library = libopus.load()
    freed: list[str] = []
    for name in ("decoder_destroy", "encoder_destroy"):
        destroy = getattr(library, name)

        def count(state: int, name: str = name, destroy: object = destroy) -> None:
            freed.append(name)
            assert callable(destroy)
            destroy(state)

        monkeypatch.setattr(library, name, count)
    closed = OpusDecoder()
    closed.close()
    del closed
    collected = OpusEncoder()
    del collected
    gc.collect()
    assert freed == ["decoder_destroy", "encoder_destroy"]
