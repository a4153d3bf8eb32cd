"""One call's folder: names, what is in it, and how it is made whole after a crash."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from gateway.core.media_time import SAMPLE_RATE
from gateway.recording.files import FOLDER_MODE, is_locked, read_lines, replace_json
from gateway.recording.sound import repair_wav

VERSION: Final = 1
"""Of the folder's layout, in ``recording.json``."""

ABOUT: Final = "recording.json"
EVENTS: Final = "events.jsonl"
WORDS: Final = "transcript.jsonl"
TRANSCRIPT: Final = "transcript.json"
PACKETS: Final = "packets.jsonl"
SOUNDS: Final = ("recording.ogg", "recording.wav")

FILES: Final = (*SOUNDS, TRANSCRIPT, WORDS, EVENTS, PACKETS, ABOUT)
"""All that can be in a folder, and be asked for."""

CRASHED: Final = "the gateway stopped in the middle of the call"
"""The ``reason`` of a call whose end was not recorded."""

_NAME: Final = re.compile(r"sess_(g[0-9a-f]{12}_)?[0-9a-f]{24}")
"""With the mark of its gateway, where there are several."""


def is_session_id(name: str) -> bool:
    """Whether a call can have that id; no other name is ever made a path."""
    return _NAME.fullmatch(name) is not None


def make_folder(root: Path, session_id: str) -> Path:
    """A new folder, of nobody else's to read.

    :raises OSError: it cannot be made, or is there already.
    :raises ValueError: no session has that id.
    """
    if not is_session_id(session_id):
        raise ValueError("no session's id")
    folder = root / session_id
    folder.mkdir(FOLDER_MODE)
    return folder


def is_live(folder: Path) -> bool:
    """Whether its call is still being recorded, by this process or another one."""
    return is_locked(folder / EVENTS)


def assemble(lines: Iterable[Any]) -> list[dict[str, Any]]:
    """A transcript of what was written while it came about: final lines in the order of the
    conversation, and then those that a crash left unfinished, with ``"final": false``.
    """
    final: dict[str, dict[str, Any]] = {}
    parts: dict[str, dict[str, Any]] = {}
    over: set[str] = set()
    for line in lines:
        if "line" in line:
            final[line["line"]["id"]] = line["line"]
            over.add(line["line"]["id"])
        elif "cut" in line:
            over.add(line["cut"])
        else:
            empty = {"id": line["id"], "role": line["role"], "text": "", "final": False}
            parts.setdefault(line["id"], empty)["text"] += line["delta"]
    unfinished = (part for item_id, part in parts.items() if item_id not in over)
    return [*final.values(), *(part for part in unfinished if part["text"].strip())]


def finish_transcript(folder: Path) -> None:
    """Make ``transcript.json`` of its lines.

    :raises OSError: the lines stay as they are.
    """
    words = folder / WORDS
    lines = assemble(read_lines(words))
    transcript = {"version": VERSION, "sampleRate": SAMPLE_RATE, "lines": lines}
    replace_json(folder / TRANSCRIPT, transcript)
    words.unlink()


def repair(folder: Path) -> bool:
    """After a crash: make a folder what it would be had its call ended. Whether there was anything
    to do.

    :raises OSError: it cannot be done.
    """
    if is_live(folder) or not (folder / WORDS).exists():
        return False
    if (folder / "recording.wav").exists():
        repair_wav(folder / "recording.wav")
    finish_transcript(folder)
    about = read_about(folder)
    if about and "endedAt" not in about:
        ended = round(1000 * (folder / EVENTS).stat().st_mtime)
        replace_json(folder / ABOUT, {**about, "endedAt": ended, "reason": CRASHED})
    return True


def read_about(folder: Path) -> dict[str, Any]:
    """What ``recording.json`` says; nothing, if it cannot be read."""
    try:
        about = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
