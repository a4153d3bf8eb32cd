from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.local_model.vad import (
    FRAME,
    Scorer,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    VadEvent,
    VadSettings,
    VoiceActivity,
    earshot_scorer,
)
from tests import speech

MS = 16
"""Samples in a millisecond."""


def scripted(scores: list[float]) -> Scorer:
    remaining: Iterator[float] = iter(scores)
    return lambda _frame: next(remaining)


def run(scores: list[float], settings: VadSettings | None = None) -> list[VadEvent]:
    activity = VoiceActivity(scripted(scores), settings or VadSettings())
    return activity.feed(np.zeros(len(scores) * FRAME, np.int16))


VOICED, UNVOICED = [1.0], [0.0]


def test_a_talkspurt() -> None:
    events = run(UNVOICED * 50 + VOICED * 40 + UNVOICED * 50)
    assert events == [
        # 300 ms of padding before the first voiced frame.
        SpeechStarted(50 * FRAME - 300 * MS),
        SpeechPaused(98 * FRAME),
        # 500 ms are 31 frames.
        SpeechStopped(121 * FRAME),
    ]


def test_padding_stays_within_the_stream_and_behind_the_last_turn() -> None:
    turn = VOICED * 10 + UNVOICED * 40
    events = run(turn + turn, VadSettings(prefix_padding_ms=1_000))
    starts = [event.position for event in events if isinstance(event, SpeechStarted)]
    (first_stop, _) = [event.position for event in events if isinstance(event, SpeechStopped)]
    assert starts == [0, first_stop]


def test_a_click_is_no_speech() -> None:
    assert run(UNVOICED * 10 + VOICED * 3 + UNVOICED * 60) == []


def test_a_short_pause_is_within_the_talkspurt() -> None:
    events = run(VOICED * 10 + UNVOICED * 12 + VOICED * 10 + UNVOICED * 31)
    kinds = [type(event) for event in events]
    assert kinds == [SpeechStarted, SpeechPaused, SpeechResumed, SpeechPaused, SpeechStopped]


def test_one_voiced_frame_does_not_prolong_the_turn() -> None:
    events = run(VOICED * 10 + UNVOICED * 12 + VOICED + UNVOICED * 30)
    assert events[-1] == SpeechStopped((10 + 12 + 1 + 19) * FRAME)


@pytest.mark.parametrize(("silence_ms", "frames"), [(0, 1), (100, 6), (200, 12), (1_000, 62)])
def test_silence_duration(silence_ms: int, frames: int) -> None:
    events = run(VOICED * 10 + UNVOICED * (frames + 5), VadSettings(silence_duration_ms=silence_ms))
    assert events[-1] == SpeechStopped((10 + frames) * FRAME)
    assert [type(event) for event in events].count(SpeechPaused) == 1


@pytest.mark.parametrize(("threshold", "heard"), [(0.3, True), (0.5, True), (0.7, False)])
def test_threshold(threshold: float, heard: bool) -> None:
    assert bool(run([0.6] * 20, VadSettings(threshold=threshold))) == heard


def test_forgetting_drops_the_talkspurt() -> None:
    activity = VoiceActivity(scripted(VOICED * 20 + UNVOICED * 60), VadSettings())
    activity.feed(np.zeros(20 * FRAME, np.int16))
    assert activity.speaking
    activity.forget()
    assert not activity.speaking
    assert activity.feed(np.zeros(60 * FRAME, np.int16)) == []


def test_positions_count_on_from_where_the_stream_stands() -> None:
    activity = VoiceActivity(scripted(VOICED * 10), VadSettings(), position=5_000)
    assert activity.feed(np.zeros(10 * FRAME, np.int16)) == [SpeechStarted(5_000)]


@given(
    scores=st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=300),
    cuts=st.lists(st.integers(1, 2_000), min_size=1, max_size=20),
    silence_ms=st.integers(0, 800),
)
def test_events_alternate_and_do_not_depend_on_how_audio_arrives(
    scores: list[float], cuts: list[int], silence_ms: int
) -> None:
    settings = VadSettings(silence_duration_ms=silence_ms)
    at_once = run(scores, settings)
    activity = VoiceActivity(scripted(scores), settings)
    samples = np.zeros(len(scores) * FRAME, np.int16)
    piecemeal: list[VadEvent] = []
    start = 0
    while start < len(samples):
        size = cuts[start % len(cuts)]
        piecemeal += activity.feed(samples[start : start + size])
        start += size
    assert piecemeal == at_once
    allowed: dict[type[VadEvent] | None, set[type[VadEvent]]] = {
        None: {SpeechStarted},
        SpeechStarted: {SpeechPaused},
        SpeechPaused: {SpeechResumed, SpeechStopped},
        SpeechResumed: {SpeechPaused},
        SpeechStopped: {SpeechStarted},
    }
    before: type[VadEvent] | None = None
    for event in at_once:
        assert type(event) in allowed[before]
        before = type(event)
    positions = [event.position for event in at_once if not isinstance(event, SpeechStarted)]
    assert positions == sorted(positions)


def test_earshot_hears_a_human_and_not_a_quiet_line() -> None:
    activity = VoiceActivity(earshot_scorer(), VadSettings())
    assert activity.feed(speech.silence(3, 16_000)) == []
    voice = speech.read_wav(speech.JFK, 16_000)[: 2 * 16_000]
    events = activity.feed(np.concatenate([voice, speech.silence(2, 16_000)]))
    assert isinstance(events[0], SpeechStarted)
    assert isinstance(events[-1], SpeechStopped)
    # He begins to speak a third of a second into the recording.
    assert events[0].position == pytest.approx(3 * 16_000 + 0.03 * 16_000, abs=0.1 * 16_000)
