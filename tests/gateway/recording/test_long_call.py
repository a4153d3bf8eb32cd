"""Calls that last: nothing drifts, whatever the network and the event loop do.

``TALKPATH_RECORDED_MINUTES`` says how long; an hour takes less than two minutes for both formats.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import av
import numpy as np
import pytest

from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE, to_ms
from gateway.media.resample import Resampler
from gateway.recording import store
from gateway.recording.files import read_lines
from gateway.recording.recorder import RecordSettings
from gateway.recording.retention import Retention
from gateway.recording.sound import SoundFormat
from gateway.replaying import main as replay
from tests.gateway.media.virtual_loop import virtual_loop
from tests.gateway.recording.long_call import ANSWER_CLICK, CYCLE, ID, RATE, LongCall, Mood
from tests.gateway.recording.test_store import make

SECONDS = 60 * int(os.environ.get("TALKPATH_RECORDED_MINUTES", "3"))
SIXTH = SECONDS // 6 // CYCLE * CYCLE
MARKS = [*range(0, 6 * SIXTH, SIXTH), SECONDS - CYCLE]
"""Seconds: the start, five times between, the end."""

DECODER = round(Resampler(RATE, SAMPLE_RATE).delay * SAMPLE_RATE)
"""Samples that the phone's decoder is late by, throughout."""

PEAK = 0.55


def clicks_in(path: Path) -> tuple[list[int], list[int], int]:
    """Where the caller's and the agent's side click, and the file's length, in samples at 24 kHz.
    An hour of it is decoded piece by piece.
    """
    found: tuple[list[int], list[int]] = ([], [])
    samples = 0
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        step = stream.codec_context.sample_rate // SAMPLE_RATE
        for frame in container.decode(stream):
            sound = frame.to_ndarray()
            if not frame.format.is_planar:
                sound = sound.reshape(-1, 2).T / 32768
            sound = np.abs(sound[:, ::step])
            for side, at in enumerate(sound.argmax(axis=1)):
                if sound[side, at] > PEAK:
                    found[side].append(samples + int(at))
            samples += sound.shape[1]
    return *found, samples


@pytest.mark.timeout(600)
@pytest.mark.parametrize("form", ["wav", "opus"])
def test_what_clicks_at_the_start_and_at_the_end_lies_where_it_was_heard(
    form: SoundFormat, tmp_path: Path
) -> None:
    old = make(tmp_path, 1, started=0)
    rules = Retention(max_days=1, max_bytes=1)
    settings = RecordSettings(tmp_path, form, packets=True, retention=rules)
    with virtual_loop() as loop:
        call = LongCall(loop, settings, SECONDS, MARKS)
        call.run()

    # It was no easy call.
    assert set(call.moods) == set(Mood)
    assert call.quality.packets_lost > SECONDS // 10
    assert call.quality.packets_late > 0
    assert call.quality.concealed_ms > 1000
    assert call.underruns > 0
    stats = call.recorder.stats
    assert (stats.dropped_samples, stats.lost_samples, stats.lost_lines) == (0, 0, 0)

    folder = tmp_path / ID
    about = json.loads((folder / "recording.json").read_text())
    left, right, samples = clicks_in(next(folder.glob("recording.[ow]*")))
    assert samples == about["samples"] == SECONDS * SAMPLE_RATE
    assert about["endedAt"] - about["startedAt"] == 1000 * SECONDS
    assert len(call.clicks) == len(MARKS)
    assert left == [click.caller + DECODER for click in call.clicks]
    assert right == [click.agent for click in call.clicks]

    lines = {
        line["id"]: line for line in json.loads((folder / "transcript.json").read_text())["lines"]
    }
    events = list(read_lines(folder / "events.jsonl"))
    for at, click in zip(left, call.clicks, strict=True):
        said, answered = lines[click.caller_item], lines[click.agent_item]
        assert 0 <= at - said["start"] < SAMPLE_RATE // 1000, "as the model tells it, in ms"
        assert answered["start"] == click.agent - ANSWER_CLICK
        assert answered["end"] - answered["start"] == 3 * SAMPLE_RATE
        heard, begun = (
            next(event["at"] for event in events if key in json.dumps(event))
            for key in (click.caller_item, click.agent_item)
        )
        assert 0 < heard - at <= FRAME_SAMPLES, "at the end of the packet"
        assert begun == answered["start"]

    cut = [line for line in lines.values() if line.get("interrupted")]
    assert len(cut) == call.moods.count(Mood.BURSTY)
    for line in cut:
        assert to_ms(line["end"] - line["start"]) == line["audioEndMs"]
    interruptions = {event["itemId"]: event["at"] for event in events if "itemId" in event}
    assert interruptions.keys() == {line["id"] for line in cut}

    assert replay([str(folder)]) == 0, "core decides as it did"

    assert not old.exists()
    now = about["endedAt"]
    assert store.sweep(tmp_path, now, max_days=1, max_bytes=None) == []
    assert store.sweep(tmp_path, now, max_days=1, max_bytes=1) == [ID], "it is over"
