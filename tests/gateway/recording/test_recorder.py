"""The recorder: its thread, its bounded queue, and its end."""

from __future__ import annotations

import asyncio
import json
import resource
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.core.media_time import SAMPLE_RATE
from gateway.recording import recorder as module
from gateway.recording.entries import CallerSound, Entry, Happened
from gateway.recording.files import read_lines
from gateway.recording.recorder import STOPPED, Recorder, RecordSettings
from gateway.recording.writer import CallWriter
from tests.heard_files import decode, loud_seconds

LOUD = b"\x00\x20\x00\xe0" * 240


def name(number: int) -> str:
    return f"sess_{number:024x}"


def started(root: Path) -> Recorder:
    recorder = Recorder(RecordSettings(root, "wav"))
    recorder.start()
    return recorder


async def test_what_is_told_is_on_the_disk_when_it_is_closed(tmp_path: Path) -> None:
    recorder = started(tmp_path / "kept")
    recording = recorder.begin(name(1), {"userId": "ann"})
    now = asyncio.get_running_loop().time()
    for frame in range(50):
        recording.add(CallerSound(LOUD, now + (frame + 1) * 0.02))
    recording.add(Happened({"type": "x"}, now + 1))
    assert recorder.records(name(1))
    assert recorder.stats.live == 1
    await recorder.close()
    await recorder.close()
    folder = tmp_path / "kept" / name(1)
    about = json.loads((folder / "recording.json").read_text())
    assert (about["userId"], about["reason"], about["version"]) == ("ann", STOPPED, 1)
    assert loud_seconds(decode(folder / "recording.wav")[0]) == 1.0
    (event,) = read_lines(folder / "events.jsonl")
    assert event["at"] == pytest.approx(SAMPLE_RATE, abs=500)
    stats = recorder.stats
    assert (stats.live, stats.finished, stats.queued_bytes) == (0, 1, 0)


async def test_a_disk_that_hangs_costs_sound_but_no_call_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    take = CallWriter.take

    def slow(self: CallWriter, entries: Sequence[Entry], now: float) -> None:
        go_on.wait(10)
        take(self, entries, now)

    monkeypatch.setattr(CallWriter, "take", slow)
    monkeypatch.setattr(module, "MAX_QUEUED", 100_000)
    recorder = started(tmp_path)
    recording = recorder.begin(name(1), {})
    loop = asyncio.get_running_loop()
    worst = 0.0
    for share in range(5):
        begun = loop.time()
        for _ in range(50):
            recording.add(CallerSound(LOUD, begun))
        recorder._hand_over(begun + share)
        worst = max(worst, loop.time() - begun)
    assert recorder.stats.queued_bytes <= 100_000
    assert recorder.stats.dropped_samples == 4 * 50 * 480
    assert worst < 0.1
    go_on.set()
    await recorder.close()
    assert recorder.stats.queued_bytes == 0


async def test_a_disk_that_is_full_costs_what_it_does_not_take(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    recording = recorder.begin(name(1), {})
    now = asyncio.get_running_loop().time()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        for second in range(5):
            for frame in range(50):
                recording.add(CallerSound(LOUD, now + second + (frame + 1) * 0.02))
            recorder._hand_over(now + second + 1.0)
        recorder.end(recording, "over")
        await recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    stats = recorder.stats
    assert 2 * SAMPLE_RATE < stats.lost_samples < 4 * SAMPLE_RATE
    assert stats.finished == 1
    heard = loud_seconds(decode(tmp_path / name(1) / "recording.wav")[0])
    assert heard == pytest.approx(5 - stats.lost_samples / SAMPLE_RATE, abs=0.02)


async def test_calls_that_a_crash_ended_are_made_whole_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / name(7)
    folder.mkdir()
    (folder / "events.jsonl").write_text("")
    (folder / "transcript.jsonl").write_text('{"id":"a","role":"user","delta":"Hel"}\n{"id":')
    recorder = started(tmp_path)
    await recorder.close()
    (line,) = json.loads((folder / "transcript.json").read_text())["lines"]
    assert (line["text"], line["final"]) == ("Hel", False)


async def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="exists"):
        started(tmp_path / "file")
