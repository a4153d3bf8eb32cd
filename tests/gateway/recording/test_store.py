"""Recordings that are kept: found, deleted, let go; never one whose call lives."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gateway.recording import folder as layout
from gateway.recording import store
from gateway.recording.files import LineFile

DAY = 24 * 3600 * 1000


def name(number: int) -> str:
    return f"sess_{number:024x}"


def make(root: Path, number: int, *, started: int, size: int = 1000) -> Path:
    folder = layout.make_folder(root, name(number))
    about = {"sessionId": name(number), "startedAt": started}
    (folder / layout.ABOUT).write_text(json.dumps(about))
    (folder / "recording.ogg").write_bytes(bytes(size))
    (folder / layout.EVENTS).write_bytes(b"")
    return folder


def ids(root: Path) -> list[int]:
    return [int(recording.session_id[5:], 16) for recording in store.kept(root)]


def test_the_latest_comes_first_and_what_is_no_recording_is_left_alone(tmp_path: Path) -> None:
    for number in (1, 3, 2):
        make(tmp_path, number, started=number * DAY)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "sess_mine").mkdir()
    (tmp_path / name(9)).symlink_to(tmp_path / "sess_mine")
    assert ids(tmp_path) == [3, 2, 1]
    found = store.find(tmp_path, name(2))
    assert found.files["recording.ogg"] == 1000
    assert found.size > 1000
    store.sweep(tmp_path, 1000 * DAY, max_days=1, max_bytes=1)
    assert sorted(os.listdir(tmp_path)) == ["notes.txt", name(9), "sess_mine"]


def test_the_old_go_and_then_the_oldest_until_the_rest_fits(tmp_path: Path) -> None:
    for number in range(1, 7):
        make(tmp_path, number, started=number * DAY)
    assert store.sweep(tmp_path, 8 * DAY, max_days=5.5, max_bytes=None) == [name(1), name(2)]
    assert ids(tmp_path) == [6, 5, 4, 3]
    size = store.find(tmp_path, name(3)).size
    assert store.sweep(tmp_path, 8 * DAY, max_days=None, max_bytes=2 * size + 5) == [
        name(3),
        name(4),
    ]
    assert ids(tmp_path) == [6, 5]
    assert store.sweep(tmp_path, 8 * DAY, max_days=None, max_bytes=2 * size + 5) == []


def test_one_that_lives_is_neither_deleted_nor_let_go(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, started=0)
    events = LineFile(folder / layout.EVENTS)
    with pytest.raises(store.StillLive):
        store.delete(tmp_path, name(1))
    assert store.sweep(tmp_path, 99 * DAY, max_days=1, max_bytes=1) == []
    events.close()
    store.delete(tmp_path, name(1))
    with pytest.raises(store.NoRecording):
        store.delete(tmp_path, name(1))


def test_only_files_of_a_recording_are_found(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, started=0)
    (folder / "secret").write_text("x")
    assert store.file_of(tmp_path, name(1), "recording.ogg") == folder / "recording.ogg"
    for wrong in ("secret", "../notes.txt", "recording.wav", ""):
        with pytest.raises(store.NoRecording):
            store.file_of(tmp_path, name(1), wrong)
    for wrong in ("..", "", "sess_mine"):
        with pytest.raises(store.NoRecording):
            store.find(tmp_path, wrong)


def test_what_was_being_deleted_is_gone_after_the_next_start(tmp_path: Path) -> None:
    make(tmp_path, 1, started=0).rename(tmp_path / f".{name(1)}.deleted")
    store.repair_all(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    store.prepare(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="exists"):
        store.prepare(tmp_path / "file")
