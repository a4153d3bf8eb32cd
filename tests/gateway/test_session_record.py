"""A session that is recorded, with a scripted model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.core.events import AudioInterrupted, AudioResponse, Message
from gateway.core.media_time import SAMPLE_RATE
from gateway.recording.files import read_lines
from gateway.recording.recorder import Recorder, RecordSettings
from gateway.sessions import Sessions
from tests.gateways import connected, live_sessions
from tests.heard_files import decode, loud_seconds
from tests.stand_in import StandIn

NOTICE = "This call is recorded."


def tone(seconds: float) -> bytes:
    at = np.arange(round(seconds * SAMPLE_RATE))
    return (9000 * np.sin(2 * np.pi * 500 * at / SAMPLE_RATE)).astype("<i2").tobytes()


@asynccontextmanager
async def recorded(
    model: StandIn, root: Path, **settings: Any
) -> AsyncIterator[tuple[Sessions, Recorder]]:
    recorder = Recorder(RecordSettings(root, "wav", **settings))
    recorder.start()
    try:
        async with live_sessions(model.url, recorder=recorder) as sessions:
            yield sessions, recorder
    finally:
        await recorder.close()


async def test_a_call_over_signaling_leaves_what_was_heard_and_said(tmp_path: Path) -> None:
    async with StandIn() as model, recorded(model, tmp_path) as (sessions, _):
        session, ear, line = await connected(sessions, model)
        await session.send_audio(tone(0.5), "pcm16")
        await line.wait_for_audio(SAMPLE_RATE // 2)
        await line.question("What time is it?")
        answer = await line.answer("Nine.", tone(0.4))
        await ear.wait(Message, lambda m: m.item_id == answer)
        session.mute(True)
        session.on_audio(tone(0.2))
        await sessions.end(session, "enough")
    folder = tmp_path / session.id
    left, right = decode(folder / "recording.wav")
    assert 0.485 < loud_seconds(left) < 0.515, "while muted nothing is heard"
    assert 0.385 < loud_seconds(right) < 0.415
    lines = json.loads((folder / "transcript.json").read_text())["lines"]
    assert [(x["role"], x["text"]) for x in lines] == [
        ("user", "What time is it?"),
        ("assistant", "Nine."),
    ]
    assert lines[0]["end"] - lines[0]["start"] == SAMPLE_RATE // 2, "as the model heard it"
    assert lines[1]["end"] - lines[1]["start"] == round(0.4 * SAMPLE_RATE)
    kinds = [event["type"] for event in read_lines(folder / "events.jsonl")]
    assert kinds[0] == "status"
    assert "model" in kinds
    about = json.loads((folder / "recording.json").read_text())
    assert (about["userId"], about["reason"]) == ("ann", "enough")


def is_notice(event: dict[str, Any]) -> bool:
    return NOTICE in event.get("response", {}).get("instructions", "")


async def test_the_notice_comes_first_and_again_if_the_caller_spoke_into_it(tmp_path: Path) -> None:
    async with StandIn() as model, recorded(model, tmp_path, notice=NOTICE) as (sessions, _):
        session, ear, line = await connected(sessions, model)
        session.say("Hello?")
        assert is_notice(await line.wait_for("response.create"))
        await line.answer(NOTICE, tone(20.0))
        assert not is_notice(await line.wait_for("response.create", count=2))
        await line.speech_started("item_u")
        await ear.wait(AudioInterrupted)
        await line.question("Who is there?", "item_u")
        await line.answer("It is me.", tone(0.1))
        assert is_notice(await line.wait_for("response.create", count=3))
        item = await line.answer(NOTICE, tone(0.1))
        await ear.wait(Message, lambda m: m.item_id == item)
        await line.question("Fine.", "item_v")
        await line.answer("Good.", tone(0.1))
        await ear.wait(Message, lambda m: m.content == "Good.")
        creates = [event for event in line.received if event["type"] == "response.create"]
        assert list(map(is_notice, creates)) == [True, False, True]
        await sessions.end(session, "enough")


async def test_of_an_answer_that_a_buffering_client_cut_only_what_it_played_is_kept(
    tmp_path: Path,
) -> None:
    async with StandIn() as model, recorded(model, tmp_path) as (sessions, _):
        session, ear, line = await connected(sessions, model)
        answer = await line.answer("one two three four five six seven eight", tone(4.0))
        heard: list[AudioResponse] = []
        while len(heard) < 60:
            heard.append(await ear.wait(AudioResponse, count=len(heard) + 1))
        session.interrupt()
        cut = await ear.wait(AudioInterrupted)
        await sessions.end(session, "enough")
    assert cut.audio_end_ms < 20 * len(ear.of(AudioResponse)) - 100, "it had more than it played"
    folder = tmp_path / session.id
    _, right = decode(folder / "recording.wav")
    assert loud_seconds(right) == pytest.approx(cut.audio_end_ms / 1000, abs=0.015)
    (said,) = json.loads((folder / "transcript.json").read_text())["lines"]
    assert said["id"] == answer
    assert (said["end"] - said["start"]) * 1000 // SAMPLE_RATE == cut.audio_end_ms
    assert not right[said["end"] :].any()
