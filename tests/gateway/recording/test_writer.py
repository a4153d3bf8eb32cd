"""One call's folder, written as its call goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.core.events import Message
from gateway.core.media_time import SAMPLE_RATE
from gateway.core.tape import TapedCall
from gateway.recording import writer as module
from gateway.recording.entries import (
    AgentRecalled,
    AgentSound,
    CallerSound,
    CallerTurn,
    CutOff,
    Entry,
    Happened,
    Said,
    Taped,
    Words,
)
from gateway.recording.files import is_locked, read_lines
from gateway.recording.writer import CallWriter
from tests.heard_files import decode, loud_seconds, onset

ID = "sess_0123456789abcdef01234567"
START = 100.0
LOUD = b"\x00\x20\x00\xe0" * 240


def writer(root: Path, *, packets: bool = False) -> CallWriter:
    return CallWriter(root, ID, {"startedAt": 1_000_000}, START, "wav", packets=packets)


def agent(item_id: str, at: float, frames: int) -> list[Entry]:
    return [
        AgentSound(LOUD, START + at + frame * 0.02, item_id, frame == 0) for frame in range(frames)
    ]


def caller(at: float, frames: int) -> list[Entry]:
    return [CallerSound(LOUD, START + at + (frame + 1) * 0.02) for frame in range(frames)]


def line(item_id: str, role: Any, text: str, **data: Any) -> Message:
    return Message(item_id, "audio", role, text, 5, "front", data)


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_lines_tell_where_they_were_spoken(tmp_path: Path) -> None:
    call = writer(tmp_path)
    call.take(
        [
            *caller(1.0, 50),
            CallerTurn("u1", True, 4800, START + 1.3),
            CallerTurn("u1", False, 19_200, START + 2.1),
            Said(line("u1", "user", "Hello"), START + 2.5),
            *agent("a1", 3.0, 100),
        ],
        START + 4.0,
    )
    call.take(
        [
            AgentRecalled(24_000),
            CutOff("a1"),
            Happened({"type": "interrupted", "itemId": "a1"}, START + 4.0),
            Said(line("a1", "assistant", "It", interrupted=True, audioEndMs=1000), START + 4.0),
        ],
        START + 4.5,
    )
    call.close([], START + 6.0, "hung up")
    folder = tmp_path / ID
    said = read(folder, "transcript.json")["lines"]
    assert [(x["id"], x["start"], x["end"]) for x in said] == [
        ("u1", SAMPLE_RATE + 4800, SAMPLE_RATE + 19_200),
        ("a1", 3 * SAMPLE_RATE, 4 * SAMPLE_RATE),
    ]
    assert said[1]["interrupted"]
    assert said[1]["audioEndMs"] == 1000
    assert list(read_lines(folder / "events.jsonl")) == [
        {"at": 4 * SAMPLE_RATE, "type": "interrupted", "itemId": "a1"}
    ]
    about = read(folder, "recording.json")
    assert about["samples"] == 6 * SAMPLE_RATE
    assert (about["endedAt"], about["reason"]) == (1_006_000, "hung up")
    left, right = decode(folder / "recording.wav")
    assert (onset(left), onset(right)) == (SAMPLE_RATE, 3 * SAMPLE_RATE)
    assert loud_seconds(left) == loud_seconds(right) == 1.0
    assert not is_locked(folder / "events.jsonl")
    assert sorted(p.name for p in folder.iterdir()) == [
        *("events.jsonl", "recording.json", "recording.wav", "transcript.json"),
    ]


def test_what_is_not_final_yet_is_on_the_disk_already(tmp_path: Path) -> None:
    call = writer(tmp_path, packets=True)
    call.take(
        [Words("a1", "assistant", "It "), Words("a1", "assistant", "is"), *agent("a1", 0.0, 50)],
        START + 1.0,
    )
    call.take([Taped(TapedCall("conversation.poll", (1.5,), {}))], START + 1.5)
    folder = tmp_path / ID
    assert list(read_lines(folder / "transcript.jsonl")) == [
        {"id": "a1", "role": "assistant", "delta": "It is"}
    ]
    assert list(read_lines(folder / "packets.jsonl")) == [
        ["conversation.poll", [1.5], {}, [], None]
    ]
    assert loud_seconds(decode(folder / "recording.wav")[1]) == 1.0
    assert is_locked(folder / "events.jsonl")
    call.close([], START + 2.0, "over")


def test_without_a_folder_the_call_is_lost_and_counted_and_nothing_else_happens(
    tmp_path: Path,
) -> None:
    (tmp_path / ID).mkdir()
    call = writer(tmp_path)
    call.take([*caller(0.0, 50), Happened({"type": "x"}, START)], START + 1.3)
    call.close([], START + 2.0, "over")
    assert call.lost_samples == 2 * SAMPLE_RATE
    assert call.lost_lines == 1
    assert list((tmp_path / ID).iterdir()) == []


def test_lines_that_a_full_disk_does_not_take_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = writer(tmp_path)

    def full(*_: object) -> None:
        raise OSError("full")

    with monkeypatch.context() as patch:
        patch.setattr(module.LineFile, "append", full)
        call.take([Happened({"type": "x"}, START)] * 3, START + 1.0)
    call.take([Happened({"type": "y"}, START)], START + 1.5)
    call.close([], START + 2.0, "over")
    assert [event["type"] for event in read_lines(tmp_path / ID / "events.jsonl")] == ["y"]
    assert read(tmp_path / ID, "recording.json")["lostLines"] == 3
