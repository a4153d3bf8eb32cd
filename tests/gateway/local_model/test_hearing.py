import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.local_model.audio import AudioFormat, Samples
from gateway.local_model.hearing import (
    BufferFull,
    Heard,
    Hearing,
    PieceDropped,
    PieceReady,
    TurnPaused,
    TurnStarted,
    TurnStopped,
)
from gateway.local_model.vad import VadSettings
from tests.gateway.local_model.desk import loudness, quiet, voice

VAD = VadSettings()


def hearing(vad: VadSettings | None = VAD, audio_format: AudioFormat = AudioFormat.PCM) -> Hearing:
    return Hearing(lambda: loudness, audio_format, vad)


def feed(ear: Hearing, *parts: Samples, audio_format: AudioFormat = AudioFormat.PCM) -> list[Heard]:
    ear.append(audio_format.encode(np.concatenate(parts)))
    heard: list[Heard] = []
    while ear.has_unread:
        heard += ear.read()
    return heard


def kinds(heard: list[Heard]) -> list[type[Heard]]:
    return [type(event) for event in heard]


def test_a_turn_by_voice_activity() -> None:
    heard = feed(hearing(), quiet(1), voice(2), quiet(1))
    assert kinds(heard) == [TurnStarted, PieceReady, TurnPaused, TurnStopped]
    started, ready, _, stopped = heard
    assert isinstance(started, TurnStarted)
    assert isinstance(ready, PieceReady)
    assert isinstance(stopped, TurnStopped)
    # 300 ms before and 500 ms after two seconds of speech, within a frame each.
    assert started.at == pytest.approx(0.7 * 16_000, abs=256)
    assert stopped.at == pytest.approx(3.5 * 16_000, abs=512)
    assert ready.tentative
    assert len(ready.piece.samples) == pytest.approx(2.46 * 16_000, abs=512)
    seconds = len(stopped.recording.audio) / 2 / 24_000
    assert seconds == pytest.approx((stopped.at - started.at) / 16_000, abs=0.002)


def test_the_recording_is_what_was_sent() -> None:
    sent = np.concatenate([quiet(1), voice(2), quiet(1)])
    heard = feed(hearing(), sent)
    started, stopped = heard[0], heard[-1]
    assert isinstance(started, TurnStarted)
    assert isinstance(stopped, TurnStopped)
    first, last = started.at * 24_000 // 16_000, stopped.at * 24_000 // 16_000
    recorded = AudioFormat.PCM.decode(stopped.recording.audio)
    assert (recorded == sent[first:last]).all()


def test_the_time_line_counts_on_through_turns() -> None:
    ear = hearing()
    feed(ear, quiet(1), voice(1), quiet(2))
    heard = feed(ear, voice(1), quiet(1))
    started = heard[0]
    assert isinstance(started, TurnStarted)
    assert started.at == pytest.approx(3.7 * 16_000, abs=300)


def test_going_on_drops_the_tentative_piece() -> None:
    heard = feed(hearing(), voice(1), quiet(0.25), voice(1), quiet(1))
    assert kinds(heard) == [
        TurnStarted,
        PieceReady,
        TurnPaused,
        PieceDropped,
        PieceReady,
        TurnPaused,
        TurnStopped,
    ]


def test_push_to_talk_waits_for_the_commit() -> None:
    ear = hearing(None)
    assert feed(ear, voice(2)) == []
    assert ear.buffered_ms == 2_000
    recording, heard = ear.commit()
    (ready,) = heard
    assert isinstance(ready, PieceReady)
    assert not ready.tentative
    assert len(ready.piece.samples) == pytest.approx(2 * 16_000, abs=40)
    assert len(recording.audio) == 2 * 24_000 * 2
    assert ear.buffered_ms == 0


def test_long_push_to_talk_is_recognised_while_it_lasts() -> None:
    ear = hearing(None)
    heard = feed(ear, voice(20))
    assert kinds(heard) == [PieceReady]
    recording, _ = ear.commit()
    assert len(recording.audio) == 20 * 24_000 * 2


def test_a_commit_during_a_talkspurt_takes_it() -> None:
    ear = hearing()
    feed(ear, quiet(1), voice(1), quiet(0.3))
    assert ear.speaking
    recording, heard = ear.commit()
    # What was recognised at the pause is all of it.
    assert heard == []
    assert len(recording.utterance.pieces) == 1
    assert len(recording.audio) / 2 / 24_000 == pytest.approx(1.6, abs=0.03)
    assert not ear.speaking
    assert feed(ear, quiet(1)) == []


def test_a_commit_of_a_quiet_line_takes_the_buffer() -> None:
    ear = hearing()
    feed(ear, quiet(2))
    recording, heard = ear.commit()
    assert kinds(heard) == [PieceReady]
    assert len(recording.audio) == 2 * 24_000 * 2


def test_clear_abandons_the_turn() -> None:
    ear = hearing()
    feed(ear, voice(1), quiet(0.3))
    assert kinds(ear.clear()) == [PieceDropped]
    assert ear.buffered_ms == 0
    assert feed(ear, quiet(1)) == []


def test_turn_detection_can_be_switched() -> None:
    ear = hearing()
    feed(ear, voice(1))
    ear.configure(AudioFormat.PCM, None)
    assert not ear.speaking
    assert ear.buffered_ms == 0
    assert feed(ear, voice(1), quiet(1)) == []
    ear.configure(AudioFormat.PCM, VAD)
    heard = feed(ear, voice(1), quiet(1))
    assert kinds(heard)[0] is TurnStarted
    assert kinds(heard)[-1] is TurnStopped


def test_settings_change_within_a_turn() -> None:
    ear = hearing()
    feed(ear, voice(1), quiet(0.3))
    ear.configure(AudioFormat.PCM, VadSettings(silence_duration_ms=2_000))
    assert ear.speaking
    assert feed(ear, quiet(1)) == []
    assert kinds(feed(ear, quiet(1)))[-1] is TurnStopped


@pytest.mark.parametrize("audio_format", [AudioFormat.PCMU, AudioFormat.PCMA])
def test_g711(audio_format: AudioFormat) -> None:
    ear = hearing()
    feed(ear, quiet(1))
    ear.configure(audio_format, VAD)
    sound = np.concatenate([quiet(1, 8_000), voice(1, 8_000), quiet(1, 8_000)])
    heard = feed(ear, sound, audio_format=audio_format)
    stopped = heard[-1]
    assert isinstance(stopped, TurnStopped)
    assert stopped.recording.format is audio_format
    assert stopped.at == pytest.approx(3.5 * 16_000, abs=600)
    assert len(stopped.recording.audio) / 8_000 == pytest.approx(1.8, abs=0.05)


def test_without_a_commit_the_buffer_fills() -> None:
    ear = hearing(None)
    ear.append(bytes(15 * 1024 * 1024))
    while ear.has_unread:
        ear.read()
    with pytest.raises(BufferFull):
        ear.append(bytes(2))


def test_a_quiet_line_is_forgotten() -> None:
    ear = hearing()
    feed(ear, quiet(60))
    assert ear.buffered_ms <= 30_500


def test_an_endless_talkspurt_ends() -> None:
    heard = feed(hearing(), voice(125))
    stops = [event for event in heard if isinstance(event, TurnStopped)]
    assert len(stops) == 1
    assert stops[0].at == pytest.approx(120 * 16_000, abs=16_000)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(240, 30_000), min_size=1, max_size=10))
def test_how_audio_is_cut_changes_nothing(sizes: list[int]) -> None:
    sound = np.concatenate([quiet(0.5), voice(0.7), quiet(0.3), voice(0.5), quiet(0.8)])
    expected = [event for event in feed(hearing(), sound) if isinstance(event, TurnStopped)]
    ear = hearing()
    heard: list[Heard] = []
    start = turn = 0
    while start < len(sound):
        size = sizes[turn % len(sizes)]
        heard += feed(ear, sound[start : start + size])
        start, turn = start + size, turn + 1
    stops = [event for event in heard if isinstance(event, TurnStopped)]
    assert [stop.at for stop in stops] == [stop.at for stop in expected]
    assert [stop.recording.audio for stop in stops] == [e.recording.audio for e in expected]
