"""A call's folder: its name, its transcript, and how a crash is made good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.recording import folder as layout
from gateway.recording.files import LineFile

ID = "sess_0123456789abcdef01234567"


@given(st.text(max_size=40))
def test_no_other_name_is_ever_a_path(name: str) -> None:
    assert not layout.is_session_id(name)
    with pytest.raises(ValueError, match="id"):
        layout.make_folder(Path("/nowhere"), name)


@pytest.mark.parametrize("name", ["../" + ID, ID + "/..", ID + "\n", ID.upper(), ID[:-1]])
def test_nor_is_one_like_it(name: str) -> None:
    assert layout.is_session_id(ID)
    assert not layout.is_session_id(name)


def test_a_transcript_holds_what_was_said_last_of_all() -> None:
    lines = [
        {"id": "u1", "role": "user", "delta": "Hel"},
        {"id": "u1", "role": "user", "delta": "lo"},
        {"line": {"id": "u1", "role": "user", "text": "Hello"}},
        {"id": "a1", "role": "assistant", "delta": "never heard"},
        {"cut": "a1"},
        {"id": "a2", "role": "assistant", "delta": "in the "},
        {"id": "u1", "role": "user", "delta": "too late"},
        {"id": "a2", "role": "assistant", "delta": "middle"},
    ]
    assert layout.assemble(lines) == [
        {"id": "u1", "role": "user", "text": "Hello"},
        {"id": "a2", "role": "assistant", "text": "in the middle", "final": False},
    ]


def test_a_crash_is_made_good_once_and_not_while_the_call_lives(tmp_path: Path) -> None:
    folder = layout.make_folder(tmp_path, ID)
    events = LineFile(folder / layout.EVENTS)
    words = LineFile(folder / layout.WORDS)
    words.append([{"line": {"id": "u1", "role": "user", "text": "Hello"}}])
    words.close()
    (folder / layout.ABOUT).write_text('{"sessionId": "x"}')
    assert not layout.repair(folder), "somebody writes it"
    events.close()
    assert layout.repair(folder)
    assert not layout.repair(folder)
    assert json.loads((folder / layout.TRANSCRIPT).read_text())["lines"][0]["text"] == "Hello"
    about = layout.read_about(folder)
    assert about["reason"] == layout.CRASHED
    assert about["endedAt"] > 0
    assert not (folder / layout.WORDS).exists()
