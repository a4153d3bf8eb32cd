import numpy as np

from client.python.bench.probes import BurstDetector
from client.python.bench.speech import synthesise
from client.python.bench.track import (
    PROBE_EVERY,
    RATE,
    STAIR_LEAD,
    STAIR_PACKETS,
    speech_track,
    staircase_track,
)
from tests.client.bench.decoding import decoded


def test_each_probe_is_heard_in_the_packet_in_which_it_starts() -> None:
    track = speech_track(synthesise(8.0, RATE), 0)
    assert len(track.payloads) == 400
    detector = BurstDetector(RATE)
    heard = {}
    # Twice: the track is repeated, and its seam must not sound like a probe.
    frames = decoded(track.payloads * 2, RATE)
    for number, audio in enumerate(frames):
        burst = detector.feed(audio, float(number))
        if burst is not None:
            heard[round(burst.at)] = burst.tone
    expected = {1 + k * PROBE_EVERY: k % 8 for k in range(16)}
    assert heard == expected
    assert {at: tone for at, tone in heard.items() if at < 400} == track.probes
    # Silence before it; what the codec is late by is of the packet before that.
    assert all(np.abs(frames[start - 1][240:]).max() < 300 for start in track.probes)


def test_short_speech_is_repeated_to_a_whole_turn_of_probes() -> None:
    track = speech_track(synthesise(1.0, RATE), 0)
    assert len(track.payloads) == 400
    assert sorted(track.probes.values()) == list(range(8))


def test_fec_is_in_the_packets_if_loss_is_expected() -> None:
    speech = synthesise(8.0, RATE)
    assert speech_track(speech, 0).payloads != speech_track(speech, 10).payloads


def test_the_staircase_starts_after_silence() -> None:
    track = staircase_track()
    assert len(track.payloads) == STAIR_LEAD + STAIR_PACKETS
    assert not track.probes
    lead = np.concatenate(decoded(track.payloads[:STAIR_LEAD], RATE))
    assert np.abs(lead).max() < 100
